"""The arms' requests: legal for every provider, all of the same conversation, laid out apart."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.live.dialogue import Dialogue, dialogue
from stitcher.benchmark.live.providers import ANSWER_TOKENS, PROVIDERS, Provider
from stitcher.benchmark.live.requests import ARMS, Setting
from stitcher.benchmark.workloads import script
from stitcher.messages.anthropic.marking import markers
from stitcher.simulator import rules_anthropic, rules_openai_chat
from tests.benchmark.made import Said, conversation, small

SCRIPT = dialogue(script().conversations[0], seed=0, name="n")
LONG = dialogue(conversation(*[Said(100, 100)] * 20), seed=0, name="n")
MODELS = {name: one.model or "ollama-sim" for name, one in PROVIDERS.items()}
MODELS["deepseek"] = "deepseek-flash"
names = st.sampled_from(sorted(PROVIDERS))


def setting(name: str, max_tokens: int = 128_000, keep: float = 0.5) -> Setting:
    return Setting(PROVIDERS[name], MODELS[name], max_tokens, keep)


def bodies(arm: str, said: Dialogue, told: Setting) -> list[dict[str, Any]]:
    return list(ARMS[arm](said, told))


def checked(provider: Provider, body: dict[str, Any]) -> object:
    rules = rules_anthropic if provider.dialect == "messages" else rules_openai_chat
    return rules.check(body)


@settings(deadline=None)  # vocabularies are loaded by the first
@given(small(6, contexts=("", "a", "b")), names, st.sampled_from(sorted(ARMS)))
def test_no_provider_refuses_any(told: Conversation, name: str, arm: str) -> None:
    said = dialogue(told, seed=0, name="n")
    made = bodies(arm, said, setting(name, max_tokens=2_000))
    assert len(made) == said.requests
    assert [checked(PROVIDERS[name], body) for body in made] == [None] * len(made)


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("arm", ARMS)
def test_each_ends_with_its_question_and_a_short_answer_is_asked_for(arm: str, name: str) -> None:
    for n, body in enumerate(bodies(arm, SCRIPT, setting(name))):
        assert SCRIPT.messages[2 * n]["content"] in str(body["messages"][-2:])
        assert body[PROVIDERS[name].limit] == ANSWER_TOKENS


def test_direct_marks_nothing_and_says_its_context_last() -> None:
    body = bodies("direct", SCRIPT, setting("anthropic"))[-1]
    assert markers([*body["system"], *body["messages"]]) == 0
    assert "cache_control" not in body
    assert str(SCRIPT.contexts[-1]) in str(body["messages"][-1])


def test_naive_says_its_context_first_and_has_one_automatic_breakpoint() -> None:
    body = bodies("naive", SCRIPT, setting("anthropic"))[-1]
    assert [block["text"] for block in body["system"]] == [SCRIPT.head, SCRIPT.contexts[-1]]
    assert body["cache_control"] == {"type": "ephemeral"}
    chat = bodies("naive", SCRIPT, setting("openai"))[-1]
    assert [message["role"] for message in chat["messages"][:3]] == ["system", "system", "user"]


def test_half_says_it_between_history_and_question_and_stitcher_where_it_is_held() -> None:
    half = bodies("half", SCRIPT, setting("openai"))[1]["messages"]
    assert [str(SCRIPT.contexts[1]) in str(message) for message in half[-2:]] == [True, False]
    held = bodies("stitcher", SCRIPT, setting("openai"))[1]["messages"]
    # Behind the first question, where it was said, and not again.
    assert [str(SCRIPT.contexts[1]) in str(message) for message in held[1:4]] == [
        False,
        True,
        False,
    ]
    assert str(held).count(str(SCRIPT.contexts[1])) == 1


@pytest.mark.parametrize("arm", ["naive", "half", "stitcher"])
def test_a_budget_is_kept(arm: str) -> None:
    told = setting("openai", max_tokens=3_000)
    adapter = told.provider.adapter(told.model)
    sizes = [adapter.count_tokens(body["messages"]) for body in bodies(arm, LONG, told)]
    whole = bodies("direct", LONG, told)[-1]["messages"]
    assert max(sizes) <= 3_000 < adapter.count_tokens(whole)


def test_keep_says_what_a_cut_of_the_librarys_leaves() -> None:
    def shortest(keep: float) -> int:
        made = bodies("stitcher", LONG, setting("openai", 3_000, keep))
        return min(len(body["messages"]) for body in made[12:])

    assert shortest(0.25) < shortest(0.75)


def test_ollama_is_counted_on_as_the_engine_it_is() -> None:
    rules = PROVIDERS["ollama"].adapter("qwen3:8b").rules
    assert (rules.write, rules.scope) == (1.0, "engine")


def test_deepseek_does_not_think() -> None:
    body = bodies("direct", SCRIPT, setting("deepseek"))[0]
    assert body["thinking"] == {"type": "disabled"}
