"""The ready transition hooks, over what each API's SDK gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import (
    PromptManager,
    drop_tool_messages_transition_hook,
    identity_transition_hook,
    repair,
    trim_tool_outputs,
)
from tests.prompt.speech import (
    FORM,
    FORMS,
    TURNS,
    FormName,
    Message,
    Turn,
    answer,
    calls,
    results,
    spoken,
    turn_of,
    user,
)


def test_identity_gives_a_list_of_its_own() -> None:
    said = [user("hi")]
    kept = identity_transition_hook(said)
    assert kept == said
    assert kept is not said


@pytest.mark.parametrize("form", FORMS)
def test_tool_messages_are_dropped_and_what_was_said_stays(form: FormName) -> None:
    said = turn_of(Turn("Where?", (2, 1), "There."), 0, form)
    assert drop_tool_messages_transition_hook(said) == [said[0], said[-1]]


def test_what_is_said_beside_a_call_stays() -> None:
    look = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    words = {"type": "text", "text": "Let me look."}
    found = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    more = {"type": "text", "text": "And?"}
    kept = drop_tool_messages_transition_hook(
        [
            {"role": "assistant", "content": [thought, words, look]},
            {"role": "user", "content": [found, more]},
            {"role": "assistant", "content": [thought, look]},
            {"role": "user", "content": [found]},
        ]
    )
    assert kept == [
        {"role": "assistant", "content": [thought, words]},
        {"role": "user", "content": [more]},
    ]
    spoken_call = {**calls(["a"])[0], "content": "Let me look."}
    assert drop_tool_messages_transition_hook([spoken_call]) == [answer("Let me look.")]


def test_reasoning_goes_with_the_call_it_led_to() -> None:
    """OpenAI refuses either alone."""
    thoughts = [{"type": "reasoning", "id": f"rs_{n}", "summary": []} for n in range(3)]
    look, look_again = calls(["a"], "openai_responses"), calls(["b"], "openai_responses")
    found = results(["a", "b"], "openai_responses")
    said = answer("There.", "openai_responses")
    kept = drop_tool_messages_transition_hook(
        [user("Where?"), *thoughts[:2], *look, *look_again, *found, thoughts[2], said]
    )
    assert kept == [user("Where?"), thoughts[2], said]


LONG = "\n".join(f"line {n}" for n in range(50))


def texts_of(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for inner in value for text in texts_of(inner)]
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts_of(inner)]
    return []


@pytest.mark.parametrize("form", FORMS)
def test_the_last_lines_of_an_output_stay(form: FormName) -> None:
    (found,) = trim_tool_outputs(lines=3)(results(["a"], form, LONG))
    told = next(text for text in texts_of(found) if "line" in text)
    assert told == "[47 lines left out]\nline 47\nline 48\nline 49"
    short = results(["a"], form, "one\ntwo")
    assert trim_tool_outputs(lines=3)(short) == short


def test_outputs_in_blocks_are_trimmed_and_pictures_stay() -> None:
    picture = {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "AA\n" * 9},
    }
    block = {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": [{"type": "text", "text": LONG}, picture],
    }
    beside = {"type": "text", "text": LONG}
    (found,) = trim_tool_outputs(1)([{"role": "user", "content": [block, beside]}])
    text, shown = found["content"][0]["content"]
    assert text == {"type": "text", "text": "[49 lines left out]\nline 49"}
    assert (shown, found["content"][1]) == (picture, beside)


def test_what_people_say_is_not_trimmed() -> None:
    said: list[Message] = [user(LONG), answer(LONG)]
    assert trim_tool_outputs(1)(said) == said


def test_there_is_no_output_of_no_lines() -> None:
    with pytest.raises(ValueError, match="lines: found 0, expected 1 or more"):
        trim_tool_outputs(0)


@given(TURNS, FORM, st.sampled_from([drop_tool_messages_transition_hook, trim_tool_outputs(2)]))
def test_no_ready_hook_parts_a_call_from_its_result(
    turns: list[Turn], form: FormName, hook: object
) -> None:
    manager = PromptManager(transition_mode="agent_cycle", transition_hook=hook)  # type: ignore[arg-type]
    for message in spoken(turns, form):
        manager.append(message)
    assert repair(manager.transition().long_lived_history).repairs == ()
