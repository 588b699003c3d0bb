"""Healing: every call has its one result, right after it, and what was done is said."""

import copy
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import repair
from stitcher.core.pairing import alone
from stitcher.messages.reading import read
from stitcher.prompt.repair import NO_RESULT
from tests.prompt.speech import FORMS, FormName, Message, answer, calls, results, user


def result(id: str, form: FormName, text: str = "") -> Message:
    return results([id], form, text)[0]


@pytest.mark.parametrize("form", FORMS)
def test_what_needs_nothing_comes_back_equal(form: FormName) -> None:
    said = [user("Where?", form), *calls(["a", "b"], form), *results(["a", "b"], form)]
    said.append(answer("There.", form))
    healed, repairs = repair(said)
    assert (healed, repairs) == (said, ())


@pytest.mark.parametrize("form", FORMS)
def test_a_call_that_nothing_answers_is_answered(form: FormName) -> None:
    asked, look = user("Where?", form), calls(["a"], form)
    healed, repairs = repair([asked, *look, user("Never mind.", form)])
    assert [str(one) for one in repairs] == [
        "messages[1]: tool call 'a' had no result; one that says so was added"
    ]
    assert healed[:2] == [asked, *look]
    assert healed[3] == user("Never mind.", form)
    assert NO_RESULT in str(healed[2])
    assert read(healed[2]).answers == ("a",)


@pytest.mark.parametrize("form", FORMS)
def test_also_at_the_very_end(form: FormName) -> None:
    healed, repairs = repair([user("Where?", form), *calls(["a"], form)])
    assert len(healed) == 3
    assert [one.done for one in repairs] == ["answered"]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_that_stands_elsewhere_goes_to_its_call(form: FormName) -> None:
    asked, wait, found = user("Where?", form), user("Wait.", form), result("a", form, "here")
    healed, repairs = repair([asked, *calls(["a"], form), wait, found, answer("There.", form)])
    assert healed == [asked, *calls(["a"], form), found, wait, answer("There.", form)]
    assert [(one.done, one.index) for one in repairs] == [("moved", 3)]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_that_nothing_called_is_left_out(form: FormName) -> None:
    asked = user("Where?", form)
    healed, repairs = repair([result("a", form), asked])
    assert healed == [asked]
    assert [(one.done, one.index, one.tool_call_id) for one in repairs] == [("dropped", 0, "a")]


@pytest.mark.parametrize("form", FORMS)
def test_of_two_results_the_first_counts(form: FormName) -> None:
    look, first, second = calls(["a"], form), result("a", form, "1"), result("a", form, "2")
    healed, repairs = repair([*look, first, second, user("And?", form)])
    assert healed == [*look, first, user("And?", form)]
    assert [one.done for one in repairs] == ["dropped"]


def test_what_is_said_beside_a_result_stays() -> None:
    found = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    words = {"type": "text", "text": "And?"}
    healed, repairs = repair([{"role": "user", "content": [found, words]}])
    assert healed == [{"role": "user", "content": [words]}]
    assert len(repairs) == 1


def test_half_of_the_results_is_completed_in_the_order_of_the_calls() -> None:
    look = calls(["a", "b"], "anthropic")
    healed, _ = repair([*look, *results(["b"], "anthropic", "2")])
    (answered,) = healed[1:]
    assert [block["tool_use_id"] for block in answered["content"]] == ["a", "b"]
    assert answered["content"][0]["is_error"] is True


def test_a_call_made_twice_under_one_id_takes_each_its_own_result() -> None:
    look, found = calls(["a"]), results(["a"])
    healed, repairs = repair([*look, user("Again."), *look, *found])
    assert [one.done for one in repairs] == ["answered"]
    assert healed[1]["content"] == NO_RESULT
    assert healed[4:] == found


def test_also_side_by_side() -> None:
    look = calls(["a"], "openai_responses")
    found = results(["a"], "openai_responses")
    healed, repairs = repair([*look, *look, *found])
    assert [one.done for one in repairs] == ["answered"]
    assert [one["output"] for one in healed[2:]] == [found[0]["output"], NO_RESULT]


@pytest.mark.parametrize(
    ("call", "answered"),
    [
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": NO_RESULT},
        ),
        (
            {"type": "mcp_approval_request", "id": "m", "name": "x", "arguments": "{}"},
            {"type": "mcp_approval_response", "approval_request_id": "m", "approve": False},
        ),
        (
            {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": ""}},
            {"role": "function", "name": "f", "content": NO_RESULT},
        ),
        (
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {
                "role": "user",
                "parts": [{"function_response": {"name": "f", "response": {"error": NO_RESULT}}}],
            },
        ),
    ],
)
def test_each_kind_of_call_is_answered_in_its_own_form(call: Message, answered: Message) -> None:
    assert repair([call]).messages == [call, answered]


def test_calls_and_results_of_two_apis_are_paired_by_their_ids() -> None:
    mixed = [*calls(["a", "b"], "anthropic"), *results(["b"], "openai_chat")]
    healed, repairs = repair(mixed)
    assert [one.done for one in repairs] == ["answered"]
    assert alone([read(message) for message in healed]) == []


def test_what_is_brought_is_not_changed_and_checked() -> None:
    brought = [*calls(["a"]), user("x")]
    before = copy.deepcopy(brought)
    repair(brought).messages[0]["content"] = "changed"
    assert brought == before
    with pytest.raises(TypeError, match="type str"):
        repair(["hello"])


PIECE = st.sampled_from(
    [
        user("q"),
        answer("a"),
        *(one for ids in (["a"], ["b"], ["a", "b"]) for one in calls(ids)),
        *(one for ids in (["a"], ["b"]) for one in results(ids)),
        *(one for ids in (["c"], ["c", "d"]) for one in calls(ids, "anthropic")),
        *(one for ids in (["c"], ["d", "c"], ["e"]) for one in results(ids, "anthropic")),
        *calls(["f"], "openai_responses"),
        *results(["f"], "openai_responses"),
    ]
)


@given(st.lists(PIECE, max_size=12))
def test_whatever_is_brought_can_be_sent_and_needs_no_more(brought: Sequence[Message]) -> None:
    healed, repairs = repair(brought)
    assert alone([read(message) for message in healed]) == []
    assert repair(healed) == type(repair(healed))(healed, ())
    assert bool(repairs) == bool(alone([read(message) for message in brought]))
    words = [message for message in brought if message in (user("q"), answer("a"))]
    assert [message for message in healed if message in (user("q"), answer("a"))] == words
