"""Requests for the Messages API: legal, laid out for its cache, marked where it reads."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import pytest

from stitcher import AnthropicAdapter, PromptManager
from stitcher.messages.anthropic.marking import markers
from stitcher.prompt.layout import Layout
from stitcher.simulator import rules_anthropic
from stitcher.simulator.anthropic_prompt import read_prompt
from stitcher.simulator.cache import BreakpointCache, Reading
from tests.prompt.speech import (
    FORMS,
    TOOLS,
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

SONNET = "claude-sonnet-5-5"  # takes system messages midway, binds thinking, caches from 512 tokens
HAIKU = "claude-haiku-4-5"  # neither, from 4,096 tokens
LONG = "Be brief. " * 900  # about 3,200 tokens
EPHEMERAL = {"type": "ephemeral"}


def built(messages: Sequence[Message], model: str = SONNET, **asked: Any) -> Message:
    """The request, as the SDK sends it, after the provider's own rules have accepted it."""
    made = AnthropicAdapter(model).build_request(messages, **asked)
    body: Message = json.loads(json.dumps(made))
    assert rules_anthropic.check(body) is None
    return body


def marks(body: Message) -> list[str]:
    """Where breakpoints stand: "tools", "system", or the number of a message."""
    found = [zone for zone in ("tools", "system") if markers(body.get(zone, []))]
    return found + [str(n) for n, one in enumerate(body["messages"]) if markers(one)]


def system(text: str) -> Message:
    return {"role": "system", "content": text}


class TestRoles:
    def test_system_and_tools_stand_apart(self) -> None:
        body = built([system("Be brief."), user("hi")], tools=TOOLS["anthropic"], max_tokens=99)
        assert body == {
            "model": SONNET,
            "max_tokens": 99,
            "tools": TOOLS["anthropic"],
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [user("hi")],
        }

    def test_parameters_go_in_as_they_are(self) -> None:
        body = built([user("hi")], temperature=0.5, thinking={"type": "adaptive"})
        assert (body["temperature"], body["thinking"]) == (0.5, {"type": "adaptive"})
        assert body["max_tokens"] == 4_096

    def test_what_is_made_of_the_messages_is_no_parameter(self) -> None:
        with pytest.raises(TypeError, match="found the parameter 'system', which is made from"):
            AnthropicAdapter(SONNET).build_request([user("hi")], system="Be brief.")

    @pytest.mark.parametrize("form", FORMS)
    def test_what_was_said_to_another_api_is_said_in_this_ones_words(self, form: FormName) -> None:
        body = built(spoken([Turn("Where?", (2,), "There.")], form), tools=TOOLS["openai_chat"])
        asked, look, found, done = body["messages"]
        assert (asked["role"], done["role"]) == ("user", "assistant")
        assert [block["type"] for block in look["content"]] == ["tool_use", "tool_use"]
        assert [block["type"] for block in found["content"]] == ["tool_result", "tool_result"]
        assert body["tools"] == TOOLS["anthropic"]

    def test_dynamic_context_follows_the_question_where_a_model_takes_it_midway(self) -> None:
        manager = PromptManager(transition_mode="agent_cycle", adapter=AnthropicAdapter(SONNET))
        manager.append_many([user("1"), answer("2"), user("3")])
        body = manager.build_request("It is noon.")
        said = [(one["role"], str(one["content"])) for one in body["messages"][2:]]
        assert [role for role, _ in said] == ["user", "system"]
        assert "noon" in said[1][1]

    def test_and_is_the_users_before_it_where_not(self) -> None:
        manager = PromptManager(transition_mode="agent_cycle", adapter=AnthropicAdapter(HAIKU))
        manager.append_many([user("1"), answer("2"), user("3")])
        body = manager.build_request("It is noon.")
        assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user", "user"]
        assert "noon" in str(body["messages"][2])

    @pytest.mark.parametrize("model", [SONNET, HAIKU])
    def test_it_stays_where_it_is_while_a_tool_loop_goes_on(self, model: str) -> None:
        manager = PromptManager(transition_mode="agent_cycle", adapter=AnthropicAdapter(model))
        manager.append_many([user("1"), answer("2"), user("3")])
        before = links(manager.build_request("It is noon.", tools=TOOLS["anthropic"]))
        manager.append_many([*calls(["a"], "anthropic"), *results(["a"], "anthropic")])
        after = links(manager.build_request("It is noon.", tools=TOOLS["anthropic"]))
        assert after[: len(before)] == before

    def test_durable_context_is_said_where_it_was_said(self) -> None:
        manager = PromptManager(adapter=AnthropicAdapter(SONNET), initial_context="blue")
        manager.append(user("1")).append_context("red").append(answer("2")).append_context("green")
        body = manager.append(user("3")).build_request()
        assert body["system"] == [{"type": "text", "text": "blue"}]
        roles = [one["role"] for one in body["messages"]]
        assert roles == ["user", "system", "assistant", "user", "user"]
        assert rules_anthropic.check(json.loads(json.dumps(body))) is None

    def test_an_assistant_that_speaks_first_is_introduced(self) -> None:
        body = built([system("Be brief."), answer("Hello!"), user("hi")])
        assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]

    def test_what_says_nothing_is_left_out(self) -> None:
        empty = {"role": "assistant", "content": ""}
        blank = {"role": "user", "content": [{"type": "text", "text": " "}]}
        assert built([user("1"), empty, blank, user("2")])["messages"] == [user("1"), user("2")]

    def test_a_prompt_that_the_api_would_refuse_is_not_made(self) -> None:
        adapter = AnthropicAdapter(SONNET)
        with pytest.raises(ValueError, match="found no message beside the system prompt"):
            adapter.build_request([system("Be brief.")])
        with pytest.raises(ValueError, match=r"messages\[1\]: found the tool call 'a' without its"):
            adapter.build_request([user("1"), *calls(["a"], "anthropic")])
        with pytest.raises(ValueError, match=r"tool result 'a' without its call before it"):
            adapter.build_request([user("1"), *results(["a"], "anthropic")])

    def test_a_model_is_named_somewhere(self) -> None:
        with pytest.raises(ValueError, match="found no model, expected one: AnthropicAdapter"):
            AnthropicAdapter().build_request([user("1")])
        assert AnthropicAdapter().build_request([user("1")], model=HAIKU)["model"] == HAIKU


def marked(text: str) -> Message:
    """A text with a breakpoint of the caller's."""
    return {"type": "text", "text": text, "cache_control": EPHEMERAL}


def links(body: Message) -> list[bytes]:
    return [link.hash for link in read_prompt(json.loads(json.dumps(body))).links]


TALK = [system(LONG), user("1"), answer("2"), user("3")]


class TestBreakpoints:
    def test_at_the_ends_of_tools_system_history_and_prompt(self) -> None:
        tools = [{**TOOLS["anthropic"][0], "description": "word " * 600}]
        body = built(TALK, tools=tools, layout=Layout(history_end=2))
        assert marks(body) == ["tools", "system", "1", "2"]

    def test_what_is_shorter_than_the_model_caches_is_not_marked(self) -> None:
        assert marks(built(TALK, HAIKU)) == []
        assert marks(built(TALK, tools=TOOLS["anthropic"])) == ["system", "2"]
        assert marks(built([system("Be brief."), user("hi")])) == []

    def test_never_more_than_four_with_the_callers_own(self) -> None:
        own = {"role": "user", "content": [marked("a"), marked("b"), marked("c")]}
        body = built([system(LONG), own, answer("2"), user("3")], layout=Layout(history_end=2))
        assert marks(body) == ["0", "2"]
        assert json.dumps(body).count("cache_control") == 4
        four = {"role": "user", "content": [marked(c) for c in "abcd"]}
        assert marks(built([system(LONG), four])) == ["0"]

    def test_the_apis_own_automatic_breakpoint_is_one_of_them(self) -> None:
        body = built(TALK, layout=Layout(history_end=2), cache_control=EPHEMERAL)
        assert marks(body) == ["system", "1"]
        loop = spoken([Turn("Where?", (2,) * 12, "")], "anthropic")
        tools = [{**TOOLS["anthropic"][0], "description": "word " * 600}]
        where = Layout(history_end=2)  # far behind: where the last request ended is marked as well
        body = built([*TALK[:3], *loop], layout=where, tools=tools, cache_control=EPHEMERAL)
        assert marks(body) == ["system", "1", str(len(body["messages"]) - 3)]

    def test_a_long_lifetime_of_its_own_has_ours_long_as_well(self) -> None:
        """It stands last, and long ones stand before short ones."""
        long = {**EPHEMERAL, "ttl": "1h"}
        body = built(TALK, layout=Layout(history_end=2), cache_control=long)
        assert body["system"][-1]["cache_control"] == long

    def test_calls_side_by_side_are_one_position_of_the_lookback(self) -> None:
        said = spoken([Turn("Where?", (25,), "")], "anthropic")
        assert marks(built([system(LONG), *said], tools=TOOLS["anthropic"])) == ["system", "2"]

    def test_none_behind_context_that_moves_before_anyone_reads_it(self) -> None:
        noon = [*TALK[:3], system("It is noon."), TALK[3]]
        layout = Layout(history_end=2, dynamic=3)
        assert marks(built(noon, layout=layout)) == ["system", "1"]
        assert marks(built(noon, layout=layout, tools=TOOLS["anthropic"]))[-1] == "3"

    def test_nor_on_thinking_or_what_is_empty(self) -> None:
        thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
        adapter = AnthropicAdapter("claude-opus-4-8")
        body = adapter.build_request(
            [system(LONG), user("1"), {"role": "assistant", "content": [thought]}, user("2")],
            layout=Layout(history_end=2),
        )
        assert marks(body) == ["system", "0", "2"]

    def test_the_callers_marker_stays_and_counts_for_ours(self) -> None:
        mine = {"role": "user", "content": [{**marked("3"), "cache_control": {**EPHEMERAL}}]}
        assert marks(built([*TALK[:3], mine])) == ["system", "2"]

    @pytest.mark.parametrize(
        ("ttl", "callers", "ours"),
        [
            ("5m", None, EPHEMERAL),
            ("1h", None, {**EPHEMERAL, "ttl": "1h"}),
            ("5m", {**EPHEMERAL, "ttl": "1h"}, {**EPHEMERAL, "ttl": "1h"}),  # a long one follows
            ("1h", EPHEMERAL, EPHEMERAL),  # a short one comes before
        ],
    )
    def test_long_lifetimes_stand_before_short_ones(
        self, ttl: Any, callers: Message | None, ours: Message
    ) -> None:
        own = {"type": "text", "text": "mine", **({"cache_control": callers} if callers else {})}
        before, after = [user("0")], [{"role": "user", "content": [own]}]
        if ttl == "1h":
            before, after = after, before
        request = AnthropicAdapter(SONNET, ttl=ttl).build_request(
            [system(LONG), *before, answer("2"), *after]
        )
        assert rules_anthropic.check(json.loads(json.dumps(request))) is None
        last = request["messages"][-1]["content"]
        found = request["system"] if ttl == "5m" else last
        assert found[-1]["cache_control"] == ours

    def test_an_odd_lifetime_is_refused(self) -> None:
        odd: Any = "2h"
        with pytest.raises(ValueError, match="ttl: found '2h', expected '5m' or '1h'"):
            AnthropicAdapter(ttl=odd)


class Cache:
    """The provider's cache in virtual time: what each request reads, writes and pays in full."""

    def __init__(self) -> None:
        self._cache = BreakpointCache()
        self._now = 0.0

    def ask(self, body: Message) -> Reading:
        body = json.loads(json.dumps(body))
        assert rules_anthropic.check(body) is None
        prompt = read_prompt(body)
        reading = self._cache.begin("me", prompt.links, prompt.minimum, self._now)
        self._cache.settle(reading, self._now + 1)
        self._now += 10
        return reading


def conversation(manager: PromptManager, turns: Sequence[Turn], dynamic: bool) -> list[Reading]:
    cache, readings = Cache(), []
    for n, turn in enumerate(turns):
        context = f"It is {n} o'clock." if dynamic else None
        for message in turn_of(turn, n, "anthropic"):
            if message["role"] == "assistant":
                asked = manager.build_request(context, tools=TOOLS["anthropic"])
                readings.append(cache.ask(asked))
            manager.append(message)
    return readings


def talk(model: str = SONNET) -> PromptManager:
    return PromptManager(
        static_system_prompt=LONG,
        transition_mode="agent_cycle",
        adapter=AnthropicAdapter(model),
    )


def test_each_request_reads_all_that_the_one_before_wrote() -> None:
    turns = [Turn("Where?", (1, 3, 2), size=60), Turn("And?"), Turn("Why?", (2,) * 12)]
    readings = conversation(talk(), turns, dynamic=False)
    for before, now in pairwise(readings):
        assert now.read == before.total
        assert now.plain == 0


def test_context_that_moves_costs_the_turn_before_it_and_no_more() -> None:
    """Also behind a turn longer than the look-back: the end it grew from is marked again."""
    turns = [Turn("Where?", (1,)), Turn("Why?", (2,) * 15), Turn("And?", (1,)), Turn("So?")]
    manager = talk()
    history: list[int] = []
    cache = Cache()
    for n, turn in enumerate(turns):
        said = turn_of(turn, n, "anthropic")
        for m, message in enumerate(said):
            if message["role"] == "assistant":
                request = manager.build_request(f"It is {n}.", tools=TOOLS["anthropic"])
                reading = cache.ask(request)
                if m == 1:
                    stable = PromptManager(state=manager.state, config=manager.config)
                    history.append(cached_end(stable))
                    assert reading.read == (history[-2] if n else 0)
            manager.append(message)


def cached_end(manager: PromptManager) -> int:
    """Tokens up to the end of the long-lived history, as the provider counts them."""
    history = manager.long_lived_history
    body = manager.adapter.build_request(  # type: ignore[attr-defined]
        [system(LONG), *history, user("x")], tools=TOOLS["anthropic"]
    )
    links = read_prompt(json.loads(json.dumps(body))).links
    return links[-2].tokens if history else links[1].tokens


class TestThinking:
    """ "Preserved thinking", 2026-10: thinking is refused where what stands before it changed."""

    THOUGHT: Final = {"type": "thinking", "thinking": "hm", "signature": "s"}

    def said(self, text: str, *more: Message) -> Message:
        return {
            "role": "assistant",
            "content": [self.THOUGHT, {"type": "text", "text": text}, *more],
        }

    def kept(self, body: Message) -> list[bool]:
        return [
            self.THOUGHT in list(one["content"])
            for one in body["messages"]
            if one["role"] == "assistant"
        ]

    def test_it_stays_while_nothing_changes(self) -> None:
        manager = talk().append(user("1"))
        manager.build_request()
        manager.append(self.said("2")).append(user("3"))
        assert self.kept(manager.build_request()) == [True]

    def test_it_goes_where_dynamic_context_has_moved_on(self) -> None:
        manager = talk().append(user("1"))
        manager.build_request("noon")
        manager.append(self.said("2")).append(user("3"))
        assert self.kept(manager.build_request("noon")) == [False]
        assert self.kept(manager.build_request()) == [False], "also where there is none any more"

    def test_within_a_tool_loop_it_goes_only_where_the_context_changes(self) -> None:
        look = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
        manager = talk().append(user("1"))
        manager.build_request("noon")
        manager.append(self.said("2", look)).append_many(results(["a"], "anthropic"))
        assert self.kept(manager.build_request("noon")) == [True]
        assert self.kept(manager.build_request("one")) == [False]
        again = {**look, "id": "b"}
        manager.append(self.said("3", again)).append_many(results(["b"], "anthropic"))
        assert self.kept(manager.build_request("one")) == [False, True]

    def test_it_stays_with_models_that_do_not_ask(self) -> None:
        manager = talk("claude-opus-4-8").append(user("1"))
        manager.build_request("noon")
        manager.append(self.said("2")).append(user("3"))
        assert self.kept(manager.build_request("one")) == [True]

    def test_a_conversation_from_elsewhere_was_said_as_it_stands(self) -> None:
        said = [user("1"), self.said("2"), user("3")]
        assert self.kept(talk().append_many(said).build_request()) == [True]
        assert self.kept(talk().append_many(said).build_request("noon")) == [False]


class TestMarkers:
    """`build_messages`: messages as llmbuffer's applications use them."""

    def test_each_boundary_is_marked(self) -> None:
        manager = PromptManager(
            static_system_prompt="Be brief.", adapter=AnthropicAdapter()
        ).append_many([user("1"), answer("2")])
        assert manager.build_messages() == [
            {"role": "system", "content": [marked("Be brief.")]},
            user("1"),
            {"role": "assistant", "content": [marked("2")]},
        ]
        assert manager.build_messages(apply_cache_markers=False)[2] == answer("2")

    def test_the_last_block_is_and_the_state_is_not(self) -> None:
        blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        manager = PromptManager(adapter=AnthropicAdapter(ttl="1h"))
        manager.append({"role": "user", "content": blocks})
        (built,) = manager.build_messages()
        assert built["content"][1]["cache_control"] == {**EPHEMERAL, "ttl": "1h"}
        assert manager.long_lived_history[0]["content"] == blocks

    def test_a_subclass_marks_as_it_likes(self) -> None:
        class Last(AnthropicAdapter):
            def apply_cache_markers(
                self, messages: list[Message], boundaries: Sequence[int]
            ) -> list[Message]:
                return [*messages[:-1], {"role": "user", "content": [marked("last")]}]

        manager = PromptManager(static_system_prompt="Be brief.", adapter=Last())
        assert [markers(one) for one in manager.append(user("1")).build_messages()] == [0, 1]

    def test_at_most_four_with_the_callers_own(self) -> None:
        own = [{"role": "user", "content": [marked(c)]} for c in "abc"]
        messages = [system("s"), *own, user("end")]
        made = AnthropicAdapter().apply_cache_markers(messages, [0, 4])
        assert [markers(message) for message in made] == [0, 1, 1, 1, 1]
        assert AnthropicAdapter().apply_cache_markers(messages, [-1, 9]) == messages
