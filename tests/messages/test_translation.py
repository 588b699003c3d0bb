"""A conversation in the words of another API: what it takes already stays, all else is said anew.

What the words of each are is in tests/wire (`translated` there), on the bytes of the wire.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.pairing import alone
from stitcher.messages.reading import form_of, read
from stitcher.messages.translation import CHAT, MESSAGES, RESPONSES, Target, contents, translated
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
    user,
)

TARGETS: dict[str, Target] = {
    "openai_chat": CHAT,
    "anthropic": MESSAGES,
    "openai_responses": RESPONSES,
}


def target(to: str, said: list[Message]) -> Target:
    return TARGETS[to] if to in TARGETS else contents(said)


@pytest.mark.parametrize("form", FORMS)
def test_what_an_api_takes_goes_out_as_the_very_messages(form: FormName) -> None:
    said = spoken([Turn("Where?", (2, 1), "There."), Turn("And?")], form)
    made = translated(said, target(form, said))
    assert all(one.message is own for one, own in zip(made, said, strict=True))
    assert [one.source for one in made] == list(range(len(said)))


@given(TURNS, FORM, st.sampled_from(FORMS))
def test_whatever_it_was_said_to_calls_and_results_stay_pairs(
    turns: list[Turn], form: FormName, to: str
) -> None:
    turns = [Turn(turn.question, turn.rounds, turn.answer or "Yes.", turn.size) for turn in turns]
    said = spoken(turns, form)
    made = [one.message for one in translated(said, target(to, said))]
    assert {form_of(one) for one in made} <= {to, "plain"}
    heard = [read(one) for one in made]
    assert alone(heard) == []
    called = [len(one.calls) for one in map(read, said)]
    assert sum(called) == sum(len(one.calls) for one in heard)


@given(TURNS, FORM, st.sampled_from(FORMS))
def test_a_conversation_that_goes_on_begins_with_the_same_messages(
    turns: list[Turn], form: FormName, to: str
) -> None:
    before: list[Message] = []
    for n in range(1, len(turns) + 1):
        said = spoken(turns[:n], form)
        made = [one.message for one in translated(said, target(to, said))]
        assert made[: len(before)] == before
        before = made


def test_an_answer_of_several_items_is_one_message() -> None:
    said = [
        user("Where?"),
        {"type": "reasoning", "summary": []},
        answer("Let me look.", "openai_responses"),
        *calls(["a", "b"], "openai_responses"),
        *results(["a", "b"], "openai_responses"),
    ]
    made = translated(said, MESSAGES)
    assert [read(one.message).role for one in made] == ["user", "assistant", "user"]
    assert [one.source for one in made] == [0, 4, 6]


@pytest.mark.parametrize("to", ["anthropic", "openai_responses"])
def test_what_an_sdk_adds_to_an_answer_is_no_other_apis(to: str) -> None:
    said: list[Message] = [
        {"role": "user", "content": "hi", "name": "ada"},
        {"role": "assistant", "content": "Hello.", "refusal": None, "annotations": []},
    ]
    for one in translated(said, target(to, said)):
        assert one.message.keys() <= {"type", "role", "content"}
    assert [one.message for one in translated(said, CHAT)] == said


def test_ids_are_legal_everywhere() -> None:
    said = [*calls(["call.1", "x" * 60], "openai_chat"), *results(["call.1", "x" * 60])]
    made = [read(one.message) for one in translated([user("1"), *said], MESSAGES)]
    (called, found) = made[1:]
    assert called.calls == found.answers
    assert all(len(id) <= 40 and "." not in id for id in called.calls)


@pytest.mark.parametrize("to", FORMS)
def test_somebody_is_made_to_speak_where_a_user_must_be_first(to: str) -> None:
    said = [answer("Hello!", "openai_chat"), user("hi")]
    made = [read(one.message) for one in translated(said, target(to, said))]
    first: Any = made[0].role
    assert first == ("user" if to in ("anthropic", "gemini") else "assistant")
