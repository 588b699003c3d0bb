"""When messages leave the current turn and become history, in each mode and each API's form."""

from typing import Any

import pytest

from stitcher import HookError, PromptManager, functional, new_state
from tests.prompt.speech import (
    FORMS,
    FormName,
    Message,
    Turn,
    answer,
    calls,
    results,
    turn_of,
    user,
)


def zones(manager: PromptManager) -> tuple[int, int]:
    """How many messages are history, and how many are the current turn."""
    return len(manager.long_lived_history), len(manager.short_term_history)


@pytest.mark.parametrize("form", FORMS)
def test_none_everything_is_history_at_once(form: FormName) -> None:
    manager = PromptManager(transition_mode="none")
    said = turn_of(Turn("Where?", (1,)), 0, form)
    assert zones(manager.append_many(said)) == (len(said), 0)


@pytest.mark.parametrize("form", FORMS)
def test_manual_nothing_is_until_it_is_said(form: FormName) -> None:
    manager = PromptManager(transition_mode="manual")
    said = turn_of(Turn("Where?", (1,)), 0, form)
    assert zones(manager.append_many(said)) == (0, len(said))
    assert zones(manager.transition()) == (len(said), 0)
    assert manager.long_lived_history == said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rounds", [(), (1,), (2, 3)])
def test_agent_cycle_a_whole_cycle_at_its_last_word(
    form: FormName, rounds: tuple[int, ...]
) -> None:
    manager = PromptManager(transition_mode="agent_cycle")
    *before, last = turn_of(Turn("Where?", rounds), 0, form)
    for n, message in enumerate(before, 1):
        assert zones(manager.append(message)) == (0, n)
    assert zones(manager.append(last)) == (len(before) + 1, 0)


def test_agent_cycle_several_cycles_in_one_batch() -> None:
    said = [*turn_of(Turn("One?"), 0), *turn_of(Turn("Two?", (1,)), 1), user("Three?")]
    manager = PromptManager(transition_mode="agent_cycle").append_many(said)
    assert zones(manager) == (6, 1)


def test_an_answer_of_several_items_ends_the_cycle_at_its_last() -> None:
    """Over the Responses API a call may follow what the same answer says."""
    look = calls(["c"], "openai_responses")
    manager = PromptManager(transition_mode="agent_cycle").append(user("Where?"))
    commentary = answer("Let me look.", "openai_responses")
    manager.append_many([{"type": "reasoning", "summary": []}, commentary, *look])
    assert zones(manager) == (0, 4)
    manager.append_many(results(["c"], "openai_responses"))
    manager.append_many(
        [{"type": "reasoning", "summary": []}, answer("There.", "openai_responses")]
    )
    assert zones(manager) == (7, 0)


def test_a_commentary_ends_nothing_also_by_itself() -> None:
    manager = PromptManager(transition_mode="agent_cycle").append(user("Where?"))
    manager.append({**answer("Let me look.", "openai_responses"), "phase": "commentary"})
    assert zones(manager) == (0, 2)
    manager.append({**answer("There.", "openai_responses"), "phase": "final_answer"})
    assert zones(manager) == (3, 0)


def test_a_paused_answer_ends_nothing() -> None:
    """Anthropic's own tool is still at work: `stop_reason` "pause_turn"."""
    search = {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {"query": "x"}}
    manager = PromptManager(transition_mode="agent_cycle").append(user("Where?"))
    assert zones(manager.append({"role": "assistant", "content": [search]})) == (0, 2)
    assert zones(manager.append(answer("There.", "anthropic"))) == (3, 0)


@pytest.mark.parametrize("form", FORMS)
def test_calls_whose_results_are_to_come_wait_for_them_in_the_current_turn(
    form: FormName,
) -> None:
    """Dynamic context stands between the zones: it must not come between a call and its result."""
    manager = PromptManager(transition_mode="manual")
    asked = user("Where?", form)
    look = calls(["a", "b"], form)
    manager.append_many([asked, *look]).transition()
    assert manager.long_lived_history == [asked]
    assert manager.short_term_history == look
    found = results(["a", "b"], form)
    manager.append_many(found).transition()
    assert manager.long_lived_history == [asked, *look, *found]
    assert manager.short_term_history == []


def test_calls_that_nobody_will_answer_do_not_hold_history_back() -> None:
    manager = PromptManager(transition_mode="agent_cycle")
    manager.append_many([user("Where?"), *calls(["a"]), user("Never mind."), answer("Fine.")])
    assert zones(manager) == (4, 0)


def test_a_hook_changes_what_becomes_history_and_nothing_else() -> None:
    def shout(messages: list[Message]) -> list[Message]:
        return [{**message, "content": message["content"].upper()} for message in messages]

    manager = PromptManager(transition_mode="agent_cycle", transition_hook=shout)
    manager.append_many([user("one"), answer("two")]).append(user("three"))
    assert [m["content"] for m in manager.build_messages()] == ["ONE", "TWO", "three"]


def test_a_hook_may_do_with_its_messages_as_it_likes() -> None:
    def careless(messages: list[Message]) -> list[Message]:
        messages[0]["content"] = "changed"
        messages.clear()
        return messages

    state = functional.append_message(new_state(), user("one"), transition_mode="manual")
    moved = functional.transition(state, transition_hook=careless)
    assert moved["long_lived"] == []
    assert state["short_term"] == [user("one")]


def orphaning(messages: list[Message]) -> list[Message]:
    return [message for message in messages if "tool_calls" not in message]


def unanswering(messages: list[Message]) -> list[Message]:
    return [message for message in messages if message["role"] != "tool"]


def raising(messages: list[Message]) -> list[Message]:
    raise ZeroDivisionError("the words of a message")


BAD_HOOKS = [
    (orphaning, r"left the result of a tool \('call_0_0_0'\) without its call"),
    (unanswering, r"left the call of a tool \('call_0_0_0'\) without its result"),
    (raising, "transition_hook raising raised ZeroDivisionError; nothing was changed"),
    (lambda messages: "text", "returned a str, expected a list of messages"),
    (lambda messages: None, "returned a NoneType, expected a list of messages"),
    (lambda messages: messages[0], "returned a dict, expected a list of messages"),
    (lambda messages: ["text"], "returned what is no message: found a message of type str"),
    (lambda messages: [{"content": "x"}], "returned what is no message: found a message without"),
]


@pytest.mark.parametrize(("hook", "says"), BAD_HOOKS)
def test_a_hook_that_fails_says_so_and_changes_nothing(hook: Any, says: str) -> None:
    manager = PromptManager(transition_mode="agent_cycle", transition_hook=hook)
    *before, last = turn_of(Turn("Where?", (1,)), 0)
    manager.append_many(before)
    state, prompt = manager.state, manager.build_messages()
    with pytest.raises(HookError, match=says) as raised:
        manager.append(last)
    assert "words of a message" not in str(raised.value)
    assert (manager.state, manager.build_messages()) == (state, prompt)
    with pytest.raises(HookError, match=says):
        functional.append_message(state, last, "agent_cycle", transition_hook=hook)


def test_the_hooks_own_error_is_the_cause() -> None:
    manager = PromptManager(transition_mode="manual", transition_hook=raising).append(user("x"))
    with pytest.raises(HookError) as raised:
        manager.transition()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_what_was_broken_before_is_not_the_hooks_fault() -> None:
    manager = PromptManager(transition_mode="manual", transition_hook=lambda messages: messages)
    manager.append_many([*results(["nobody"]), user("x")])
    assert zones(manager.transition()) == (2, 0)


def test_a_batch_that_cannot_be_used_changes_nothing() -> None:
    manager = PromptManager().append(user("one"))
    with pytest.raises(TypeError, match="type str"):
        manager.append_many([user("two"), "three"])
    with pytest.raises(TypeError, match="found a dict, expected a list of messages"):
        manager.append_many(user("two"))
    assert manager.long_lived_history == [user("one")]


def test_reasoning_waits_with_the_call_it_led_to() -> None:
    manager = PromptManager(transition_mode="manual").append(user("Where?"))
    manager.append_many([{"type": "reasoning", "summary": []}, *calls(["c"], "openai_responses")])
    assert zones(manager.transition()) == (1, 2)
