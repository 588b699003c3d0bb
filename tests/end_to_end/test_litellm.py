"""LiteLLM as a client: its OpenAI provider on both of OpenAI's APIs, and its Anthropic one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end import dialogue
from tests.end_to_end.histories import assert_prefix_kept, history, spoken
from tests.end_to_end.presence import litellm_python
from tests.end_to_end.stack import Stack
from tests.end_to_end.step_program import StepProgram

pytestmark = pytest.mark.clients

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepProgram]:
    home = tmp_path_factory.mktemp("litellm")
    environment = {
        "HOME": str(home),
        "PYTHONPATH": str(_ROOT),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # no download of prices
    }
    command: list[str | Path] = [litellm_python(), "-m", "tests.end_to_end.litellm_steps"]
    with StepProgram(command, environment, home / "stderr") as program:
        yield program


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("api", "model"),
    [
        ("chat", "openai/gpt-5.5"),
        ("chat", "anthropic/claude-sonnet-5-5"),
        ("responses", "openai/gpt-5.5"),
        ("chain", "openai/gpt-5.5"),
    ],
    ids=["openai-chat", "anthropic", "openai-responses", "openai-responses-chain"],
)
def test_a_dialogue_is_remembered(
    stack: Stack, litellm: StepProgram, api: str, model: str, stream: bool
) -> None:
    anthropic = model.startswith("anthropic/")
    step = {
        "conversation": stack.url,  # one of its own for each test
        "url": stack.url if anthropic else f"{stack.url}/v1",
        "model": model,
        "api": api,
        "stream": stream,
    }
    litellm.say(dialogue.HELLO, **step)
    litellm.say(dialogue.QUESTION, **step)
    stack.restart()
    assert litellm.say(dialogue.RECALL, **step)["text"] == dialogue.RECALLED

    sent = [history(sent.json) for sent in stack.sent]
    if api == "chain":
        assert [len(messages) for messages in sent] == [1] * 4
    else:
        assert [history(body) for body in stack.bodies] == sent
    assert_prefix_kept(stack.bodies)
    expected = list(dialogue.TRANSCRIPT)
    if anthropic and stream:
        # Back from a stream, a call has a text before it that nobody said: another message. The
        # one that was given stays in the log, off the path.
        sanitised = "assistant: [System: Empty message content sanitised to satisfy protocol]"
        expected[4:4] = [sanitised, expected[3]]
    (session,) = stack.sessions()
    assert spoken(stack.messages(session)) == expected
