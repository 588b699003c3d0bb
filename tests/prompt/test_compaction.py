"""Compaction: when it is due, what of the history may go, and what a hook may do."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher import (
    AnthropicAdapter,
    HookError,
    PromptManager,
    functional,
    keep_first_user_message,
    new_state,
    summarise,
    truncation_compaction_hook,
)
from stitcher.core.pairing import alone
from stitcher.messages.reading import Spoken, read
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from tests.prompt.speech import (
    FORM,
    FORMS,
    TURNS,
    FormName,
    Message,
    Turn,
    answer,
    spoken,
    turn_of,
    user,
)


class Tens(ProviderAdapter):
    """Every message is ten tokens: what is kept can be counted on fingers."""

    def message_tokens(self, message: Message) -> int:
        return 10


def texts(manager: PromptManager) -> list[str]:
    return [str(message["content"]) for message in manager.long_lived_history]


def talk(manager: PromptManager, turns: int) -> PromptManager:
    for n in range(turns):
        manager.append(user(f"q{n}")).append(answer(f"a{n}"))
    return manager


def test_below_the_budget_history_only_grows() -> None:
    manager = talk(PromptManager(adapter=Tens(), max_tokens=80), 4)
    assert texts(manager) == ["q0", "a0", "q1", "a1", "q2", "a2", "q3", "a3"]


def test_above_it_the_oldest_turns_go_until_half_is_left() -> None:
    manager = talk(PromptManager(adapter=Tens(), max_tokens=80), 4).append(user("q4"))
    assert texts(manager) == ["q3", "a3", "q4"]


def test_only_whole_turns_go() -> None:
    """Forty tokens would hold one message more, but that is half a turn."""
    manager = PromptManager(adapter=Tens(), max_tokens=50, post_compaction_token_threshold=45)
    talk(manager, 3)
    assert texts(manager) == ["q1", "a1", "q2", "a2"]


def test_without_a_budget_nothing_goes() -> None:
    manager = talk(PromptManager(adapter=Tens()), 100)
    assert len(texts(manager.compact())) == 200
    state = manager.state
    assert functional.maybe_compact(state) is state
    with pytest.raises(ValueError, match="found no budget, expected max_tokens"):
        functional.compact(state)


def test_the_very_state_comes_back_where_nothing_is_due() -> None:
    state = functional.append_message(new_state(), user("hi"))
    assert functional.compact(state, max_tokens=1_000) is state


def test_a_whole_request_is_fitted_by_what_prompt_and_reserve_leave() -> None:
    manager = talk(PromptManager(adapter=Tens(), static_system_prompt="Be brief."), 10)
    manager.compact_for_request(100, reserved_tokens=30)  # 60 for history, 30 aimed at
    assert texts(manager) == ["q9", "a9"]
    state = talk(PromptManager(adapter=Tens()), 10).state
    fitted = functional.compact_for_request(
        state, 100, static_system_prompt="Be brief.", reserved_tokens=30, adapter=Tens()
    )
    assert [message["content"] for message in fitted["long_lived"]] == ["q9", "a9"]


@pytest.mark.parametrize(
    ("budget", "reserved", "error", "says"),
    [
        (
            10,
            0,
            ValueError,
            "a request_budget of 10 tokens, of which the static system prompt take",
        ),
        (50, 40, ValueError, "takes 10 and reserved_tokens 40; expected some to be left"),
        (-1, 0, ValueError, "request_budget: found -1"),
        (100, -1, ValueError, "reserved_tokens: found -1"),
        (None, 0, TypeError, "request_budget: found a NoneType"),
        ("100", 0, TypeError, "request_budget: found a str"),
    ],
)
def test_a_request_budget_that_cannot_be_used_changes_nothing(
    budget: Any, reserved: int, error: type[Exception], says: str
) -> None:
    manager = talk(PromptManager(adapter=Tens(), static_system_prompt="Be brief."), 9)
    before = manager.state
    with pytest.raises(error, match=says):
        manager.compact_for_request(budget, reserved)
    assert manager.state == before


@pytest.mark.parametrize("form", FORMS)
def test_an_open_tool_loop_is_not_cut_into(form: FormName) -> None:
    said = [*spoken([Turn("one"), Turn("two")], form), *turn_of(Turn("three", (1, 1), ""), 2, form)]
    manager = PromptManager(adapter=Tens(), max_tokens=60).append_many(said)
    assert manager.long_lived_history == turn_of(Turn("three", (1, 1), ""), 2, form)


@pytest.mark.parametrize("form", FORMS)
def test_of_a_loop_that_is_too_large_by_itself_the_oldest_rounds_go(form: FormName) -> None:
    manager = PromptManager(adapter=Tens(), max_tokens=60)
    loop = turn_of(Turn("task", (1, 1, 1, 1), ""), 0, form)
    for message in loop:
        manager.append(message)
    assert manager.long_lived_history == [loop[0], *loop[5:]]


def test_no_loop_no_round_is_spared() -> None:
    manager = PromptManager(adapter=Tens(), max_tokens=40)
    manager.append_many(turn_of(Turn("task", (1, 1), "done"), 0))
    assert texts(manager) == ["task", "done"]


class TestDurableContext:
    def test_all_that_a_key_says_is_one_text_in_front(self) -> None:
        manager = PromptManager(
            adapter=Tens(), max_tokens=60, initial_context="blue", context_key="world"
        )
        manager.append(user("q0")).append_context("red").append(answer("a0"))
        manager.append_context("Ada", key="who").append_context("green")
        assert texts(manager) == ["blue", "q0", "red", "a0", "Ada", "green"]
        manager.append(user("q1"))
        assert texts(manager) == ["blue\n\nred\n\ngreen", "Ada", "q1"]
        manager.append_context("grey")
        assert texts(manager)[-1] == "grey"

    def test_it_never_goes_through_the_hook_that_loses_things(self) -> None:
        seen: list[Message] = []

        def all_gone(messages: list[Message], target: int, adapter: object) -> list[Message]:
            seen.extend(messages)
            return []

        manager = PromptManager(adapter=Tens(), max_tokens=30, compaction_hook=all_gone)
        manager.append_context("blue").append(user("q")).append(answer("a")).append_context("red")
        assert texts(manager) == ["blue\n\nred"]
        assert seen == [user("q"), answer("a")]

    def test_what_it_leaves_is_what_the_hook_may_keep(self) -> None:
        targets: list[int] = []

        def note(messages: list[Message], target: int, adapter: object) -> list[Message]:
            targets.append(target)
            return messages[-1:]

        manager = PromptManager(adapter=Tens(), max_tokens=40, compaction_hook=note)
        manager.append_context("blue").append_context("red", "other")
        talk(manager, 2)
        assert targets == [0], "forty tokens, half of them, less two contexts"

    def test_its_own_hook_makes_the_text(self) -> None:
        def newest(key: str, messages: list[Message]) -> str:
            return f"{key}: {messages[-1]['content']}"

        manager = PromptManager(adapter=Tens(), max_tokens=20, context_consolidation_hook=newest)
        manager.append_context("blue", "world").append_context("red", "world").append(user("q"))
        assert texts(manager) == ["world: red", "q"]

    def test_a_hook_that_gives_no_text_changes_nothing(self) -> None:
        def nothing(key: str, messages: list[Message]) -> Any:
            return None

        manager = PromptManager(adapter=Tens(), max_tokens=20, context_consolidation_hook=nothing)
        manager.append_context("blue").append(user("q"))
        with pytest.raises(HookError, match="nothing returned a NoneType, expected a string"):
            manager.append(answer("a"))
        assert texts(manager) == ["blue", "q"]


class TestHooks:
    @pytest.mark.parametrize(
        ("hook", "says"),
        [
            (lambda m, t, a: 1 / 0, "raised ZeroDivisionError; nothing was changed"),
            (lambda m, t, a: "summary", "returned a str, expected a list of messages"),
            (lambda m, t, a: [{"text": "x"}], "returned what is no message"),
            (lambda m, t, a: m[2:], r"left the result of a tool \('call_0_0_0'\) without its call"),
            (lambda m, t, a: m[:2], r"left the call of a tool \('call_0_0_0'\) without its result"),
        ],
    )
    def test_one_that_fails_says_so_and_changes_nothing(self, hook: Any, says: str) -> None:
        manager = PromptManager(adapter=Tens(), max_tokens=40, compaction_hook=hook)
        manager.append_many(turn_of(Turn("Where?", (1,)), 0))
        before = manager.state
        with pytest.raises(HookError, match=says):
            manager.append(user("And?"))
        assert manager.state == before

    def test_one_may_do_with_its_messages_as_it_likes(self) -> None:
        def careless(messages: list[Message], target: int, adapter: object) -> list[Message]:
            messages[0]["content"] = "changed"
            del messages[1:]
            return messages

        state = talk(PromptManager(adapter=Tens()), 4).state
        made = functional.compact(state, max_tokens=20, adapter=Tens(), compaction_hook=careless)
        assert [message["content"] for message in made["long_lived"]] == ["changed"]
        assert state["long_lived"][0] == user("q0")

    def test_one_that_loses_a_result_in_place_says_so_as_well(self) -> None:
        def careless(messages: list[Message], target: int, adapter: object) -> list[Message]:
            del messages[2]
            return messages

        manager = PromptManager(adapter=Tens(), max_tokens=40, compaction_hook=careless)
        manager.append_many(turn_of(Turn("Where?", (1,)), 0))
        with pytest.raises(HookError, match="left the call of a tool"):
            manager.append(user("And?"))

    def test_the_first_question_can_be_kept(self) -> None:
        hook = keep_first_user_message()
        manager = talk(PromptManager(adapter=Tens(), max_tokens=80, compaction_hook=hook), 5)
        assert texts(manager) == ["q0", "q3", "a3", "q4", "a4"]
        assert keep_first_user_message()([answer("a")], 10, Tens()) == [answer("a")]

    def test_older_turns_can_be_summarised(self) -> None:
        hook = summarise(lambda messages: f"{len(messages)} messages")
        manager = talk(PromptManager(adapter=Tens(), max_tokens=80, compaction_hook=hook), 5)
        assert texts(manager)[0] == "Summary of the conversation so far:\n8 messages"
        assert texts(manager)[1:] == ["q4", "a4"]

    def test_what_is_summarised_is_up_to_what_stays(self) -> None:
        hook = summarise(lambda messages: "short", keep_tokens=40)
        manager = talk(
            PromptManager(
                adapter=Tens(),
                max_tokens=80,
                post_compaction_token_threshold=60,
                compaction_hook=hook,
            ),
            5,
        )
        assert texts(manager)[1:] == ["q3", "a3", "q4", "a4"]

    def test_a_summary_that_is_no_text_is_the_hooks_error(self) -> None:
        bad: Any = summarise(lambda messages: 7)  # type: ignore[arg-type, return-value]
        manager = PromptManager(adapter=Tens(), max_tokens=20, compaction_hook=bad)
        with pytest.raises(HookError, match="raised TypeError") as raised:
            talk(manager, 5)
        assert "found a summary of type int" in str(raised.value.__cause__)


class TestAsync:
    @staticmethod
    async def later(messages: list[Message]) -> str:
        await asyncio.sleep(0)
        return f"{len(messages)} messages"

    def test_an_async_hook_is_awaited_by_the_async_methods(self) -> None:
        async def act() -> PromptManager:
            manager = PromptManager(
                adapter=Tens(), max_tokens=80, compaction_hook=summarise(self.later)
            )
            for n in range(5):
                await manager.aappend(user(f"q{n}"))
                await manager.aappend_many([answer(f"a{n}")])
            await manager.aappend_context("blue")
            await manager.acompact()
            await manager.atransition()
            return await manager.acompact_for_request(30)

        manager = asyncio.run(act())
        assert texts(manager)[:2] == ["blue", "Summary of the conversation so far:\n3 messages"]

    def test_and_by_the_async_functions(self) -> None:
        async def act() -> Any:
            state = talk(PromptManager(adapter=Tens()), 4).state
            hook = summarise(self.later)
            state = await functional.acompact(
                state, max_tokens=50, adapter=Tens(), compaction_hook=hook
            )
            state = await functional.aappend_message(state, user("q"), "manual")
            state = await functional.aappend_messages(state, [answer("a")], "manual")
            state = await functional.aappend_context(state, "blue", config="manual")
            state = await functional.atransition(state)
            return await functional.acompact_for_request(
                state, 60, adapter=Tens(), compaction_hook=hook
            )

        made = asyncio.run(act())
        assert [message["content"] for message in made["long_lived"]] == [
            "Summary of the conversation so far:\n8 messages",
            "q",
            "a",
            "blue",
        ]

    def test_a_sync_method_that_would_need_to_wait_says_what_to_await(self) -> None:
        manager = PromptManager(
            adapter=Tens(), max_tokens=20, compaction_hook=summarise(self.later)
        )
        manager.append(user("q")).append(answer("a"))
        with pytest.raises(HookError, match="is async, expected a function that returns at once;"):
            manager.append(user("q2"))
        assert texts(manager) == ["q", "a"]

    def test_an_async_hook_that_raises_changes_nothing(self) -> None:
        async def fails(messages: list[Message]) -> list[Message]:
            raise ZeroDivisionError

        async def act() -> PromptManager:
            manager = PromptManager(transition_mode="agent_cycle", transition_hook=fails)
            await manager.aappend(user("q"))
            with pytest.raises(HookError, match="fails raised ZeroDivisionError"):
                await manager.aappend(answer("a"))
            return manager

        assert asyncio.run(act()).short_term_history == [user("q")]


def test_thinking_goes_whole_where_it_is_bound_to_what_was_cut() -> None:
    """ "Preserved thinking": Claude Opus 5.5 refuses a block whose prefix has changed."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}

    def said(n: int) -> Message:
        return {"role": "assistant", "content": [thought, {"type": "text", "text": f"a{n}"}]}

    for model, thinks in (("claude-opus-5-5", False), ("claude-opus-4-6", True)):
        manager = PromptManager(adapter=AnthropicAdapter(model))
        for n in range(6):
            manager.append(user(f"q{n} " + "word " * 3)).append(said(n))
        history = manager.compact_for_request(60).long_lived_history
        assert len(history) < 12
        found = [message for message in history if thought in list(message["content"])]
        assert bool(found) == thinks, model


def test_the_default_hook_leaves_out_the_oldest_turns() -> None:
    said = spoken([Turn("one"), Turn("two", (1,)), Turn("three")])
    assert truncation_compaction_hook(said, 70, Tens()) == said[2:]
    assert truncation_compaction_hook(said, 60, Tens()) == said[2:]
    assert truncation_compaction_hook(said, 59, Tens()) == said[6:]
    assert truncation_compaction_hook([], 10, Tens()) == []


HOOK = st.sampled_from([None, keep_first_user_message(), summarise(lambda messages: "short")])


@given(
    TURNS,
    FORM,
    st.sampled_from(["none", "manual", "agent_cycle"]),
    st.integers(30, 400),
    HOOK,
)
def test_no_compaction_parts_a_call_from_its_result(
    turns: list[Turn], form: FormName, mode: str, budget: int, hook: Any
) -> None:
    manager = PromptManager(transition_mode=mode, max_tokens=budget, compaction_hook=hook)
    for n, message in enumerate(spoken(turns, form)):
        manager.append(message)
        if mode == "manual" and n % 5 == 4:
            manager.transition()
        built = [read(one) for one in manager.build_messages("The time is 12:00.")]
        lonely = alone(built)
        # Calls at the very end wait for their results; no other call and no result is alone.
        waiting = {one.id for one in lonely if one.kind == "call"}
        assert waiting == {one.id for one in lonely}
        assert not waiting or waiting <= set(calls_at_the_end(built))


def calls_at_the_end(said: list[Spoken]) -> list[str]:
    """The calls of the last answer, also where some of them are answered by now."""
    n = len(said)
    while n > 0 and (said[n - 1].answers or said[n - 1].role == "system"):
        n -= 1
    while n > 0 and said[n - 1].role == "assistant":
        n -= 1
    return [id for one in said[n:] for id in one.calls]
