"""From a request and a log to what is written down and sent. `World` also plans all of it cold."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from stitcher import planning
from stitcher.core.log import Compacted, Message, Node, Tree
from stitcher.core.tokens import Calibration
from stitcher.planning import plan
from stitcher.wire import entries
from stitcher.wire.dialects import DIALECTS, read_item
from tests.laws.world import TOOLS, Said, World, answer, call, request, result, user

LONG = "word " * 200


@pytest.fixture(params=["openai_chat", "anthropic"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def head(dialect: str, text: str, *messages: Said) -> tuple[list[Said], dict[str, Any]]:
    """Messages under a system prompt, where the dialect has it."""
    if dialect == "anthropic":
        return list(messages), {"system": text}
    return [{"role": "system", "content": text}, *messages], {}


def texts(world: World) -> list[str]:
    """What the last request said, message by message."""
    return [raw.decode() for raw in world.sent[-1]]


def talk(world: World, turns: int, text: str = "") -> None:
    """A thin client's turns, so many."""
    for n in range(turns):
        made, _ = world.ask([user(f"question {n} {text}")])
        world.reply(made, answer(world.dialect, f"answer {n} {text}"))


class TestUntouched:
    def test_a_first_request(self, dialect: str) -> None:
        made, parsed = World(dialect).ask([user("hi")], unknown={"a": 1})
        assert made.untouched
        assert made.body is parsed.body

    def test_a_client_that_sends_everything(self, dialect: str) -> None:
        world = World(dialect)
        talk(world, 1)
        again = [user("question 0 "), answer(dialect, "answer 0 "), user("more")]
        made, parsed = world.ask(again)
        assert made.body is parsed.body
        assert made.restored == 0

    def test_an_agent_that_owns_its_history_whatever_it_sends(self, dialect: str) -> None:
        world = World(dialect, max_tokens=100)
        for messages in ([user(LONG)], [user("summary"), answer(dialect, "ok"), user(LONG)]):
            made, parsed = world.ask(messages, owns_history=True)
            assert made.body is parsed.body
            world.reply(made, answer(dialect, LONG))

    def test_a_thin_request_is_stitched(self, dialect: str) -> None:
        world = World(dialect)
        talk(world, 1)
        made, _ = world.ask([user("more")])
        assert not made.untouched
        assert made.restored == 2


class TestLentHead:
    def test_a_thin_request_without_a_system_prompt_gets_the_last_one(self, dialect: str) -> None:
        world = World(dialect)
        messages, more = head(dialect, "Be brief.", user("hi"))
        made, _ = world.ask(messages, **more)
        world.reply(made, answer(dialect, "hello"))
        again, _ = world.ask([user("more")])
        assert b"Be brief." in again.body
        assert again.head == made.head

    def test_its_own_comes_first(self, dialect: str) -> None:
        world = World(dialect)
        for text in ("Be brief.", "Be long."):
            messages, more = head(dialect, text, user("hi"))
            made, _ = world.ask(messages, **more)
            world.reply(made, answer(dialect, "ok"))
        assert b"Be brief." not in made.body

    def test_tools_only_where_what_is_put_back_has_calls(self, dialect: str) -> None:
        world = World(dialect)
        made, _ = world.ask([user("hi")], tools=TOOLS[dialect])
        world.reply(made, answer(dialect, "hello"))
        made, _ = world.ask([user("without")])
        assert b'"tools"' not in made.body
        world.reply(made, call(dialect, "call_1", {}))
        made, _ = world.ask([result(dialect, "call_1", "found")])
        assert b'"tools"' in made.body

    def test_no_tools_once_the_calls_are_cut(self, dialect: str) -> None:
        world = World(dialect, max_tokens=700)
        made, _ = world.ask([user("look")], tools=TOOLS[dialect])
        world.reply(made, call(dialect, "call_1", {}))
        made, _ = world.ask([result(dialect, "call_1", "found")], tools=TOOLS[dialect])
        world.reply(made, answer(dialect, "there"))
        lent = []
        for n in range(6):
            made, _ = world.ask([user(f"{n} {'word ' * 100}")])
            lent.append((b'"tools"' in made.body, b"call_1" in made.body))
            world.reply(made, answer(dialect, "ok"))
        assert lent[0] == (True, True)
        assert lent[-1] == (False, False)
        assert all(tools == calls for tools, calls in lent), "they go with the calls, at the cut"

    def test_never_more_than_four_breakpoints_with_a_lent_head(self) -> None:
        world = World("anthropic")
        marker = {"cache_control": {"type": "ephemeral"}}
        system = [{"type": "text", "text": f"Part {n}.", **marker} for n in range(3)]
        made, _ = world.ask([user("hi")], system=system)
        world.reply(made, answer("anthropic", "hello"))
        marked = [{"type": "text", "text": f"block {n}", **marker} for n in range(3)]
        made, _ = world.ask([{"role": "user", "content": marked}])
        assert made.body.count(b"cache_control") == 3, "the client's own are kept"
        assert b"Part 2." in made.body


class TestBudget:
    def test_below_it_nothing_is_cut(self, dialect: str) -> None:
        world = World(dialect, max_tokens=10_000)
        talk(world, 10)
        assert not world.tree.windows

    def test_a_cut_leaves_whole_turns(self, dialect: str) -> None:
        world = World(dialect, max_tokens=2_500)
        talk(world, 12, LONG)
        assert world.tree.windows
        assert "question" in texts(world)[0]
        assert len(texts(world)) % 2 == 1

    def test_what_the_client_sends_itself_is_not_cut_where_the_model_takes_it(self) -> None:
        world = World("openai_chat", max_tokens=500)
        history = [user("q " + LONG), answer("openai_chat", LONG), user("more")]
        made, parsed = world.ask(history, model="gpt-4o")
        assert made.body is parsed.body

    def test_for_a_model_nobody_knows_the_budget_stands_in(self, dialect: str) -> None:
        world = World(dialect, max_tokens=500)
        made, _ = world.ask([user("q " + LONG), answer(dialect, LONG), user("more")])
        assert [type(entry) for entry in made.entries][-1] is Compacted
        assert len(texts(world)) == 1

    def test_a_cut_of_the_clients_own_messages_stays_where_it_is(self, dialect: str) -> None:
        world = World(dialect, max_tokens=1_200)
        starts = []
        for n in range(14):
            world.said.append(user(f"question {n} {'word ' * 40}"))
            made, _ = world.ask(world.said)
            starts.append(texts(world)[0])
            world.said.append(answer(dialect, f"answer {n}"))
            world.reply(made, world.said[-1])
        moves = sum(a != b for a, b in pairwise(starts))
        cuts = sum(b'"type":"compacted"' in line for line in world.log)
        assert 1 <= cuts == moves <= 4, "it slides by no message in between"

    def test_inside_a_tool_loop_the_cut_waits(self) -> None:
        """As long as the model can take it: a known window is larger than the budget."""
        world = World("openai_chat", max_tokens=1_500)
        ask: dict[str, Any] = {"model": "gpt-4o", "tools": TOOLS["openai_chat"]}
        made, _ = world.ask([user("old " + LONG)], **ask)
        world.reply(made, answer("openai_chat", LONG))
        made, _ = world.ask([user("look")], **ask)
        for n in range(4):
            world.reply(made, call("openai_chat", f"call_{n}", {}))
            made, _ = world.ask([result("openai_chat", f"call_{n}", LONG)], **ask)
            assert "old " in texts(world)[0]
            assert not world.tree.windows
        world.reply(made, answer("openai_chat", "done"))
        world.ask([user("next")], **ask)
        assert world.tree.windows, "the next question is where it is cut"

    def test_a_turn_too_large_for_the_budget_is_not_cut_over_and_over(self, dialect: str) -> None:
        world = World(dialect, max_tokens=400)
        made, _ = world.ask([user("look")], tools=TOOLS[dialect])
        for n in range(4):
            world.reply(made, call(dialect, f"call_{n}", {}))
            made, _ = world.ask([result(dialect, f"call_{n}", LONG)], tools=TOOLS[dialect])
        assert not any(b'"type":"compacted"' in line for line in world.log)

    def test_calibration_counts(self, dialect: str) -> None:
        world = World(dialect, max_tokens=4_000)
        talk(world, 5, LONG)
        parsed = DIALECTS[dialect].parse(request(dialect, [user("more")]))
        for ratio, restored in ((1.0, 10), (3.0, 2)):
            terms = replace(world.terms(), calibration=Calibration(ratio, 1))
            made = plan(world.tree, parsed, DIALECTS[dialect], terms)
            assert made is not None
            assert made.restored == restored

    def test_an_older_reply_said_again_is_sent_as_a_stub(self, dialect: str) -> None:
        world = World(dialect, max_tokens=6_000, keep=0.9)
        report = "The nightly import ran and every row was accepted. " * 40
        for n in range(16):
            made, _ = world.ask([user(f"status {n}?")])
            world.reply(made, answer(dialect, report))
        stubs = [text for text in texts(world) if "Said again further down" in text]
        assert stubs
        assert sum(report[:50] in text for text in texts(world)) >= 1


class _Counting(Tree):
    """Counts the nodes that are looked at on the way back."""

    looked = 0

    def back_from(self, tip: str) -> Iterator[Node]:
        for node in super().back_from(tip):
            type(self).looked += 1
            yield node


class TestReading:
    def history(self, dialect: str, turns: int) -> World:
        world = World(dialect, max_tokens=800)
        talk(world, turns, "word " * 20)
        return world

    def test_only_as_far_back_as_the_window(self, dialect: str) -> None:
        world = self.history(dialect, 60)
        parsed = DIALECTS[dialect].parse(request(dialect, [user("more")]))
        partly, taken, made = Tree(), 0, None
        for line in reversed(world.log):
            entry = entries.decode(line, read_item)
            assert entry is not None
            partly.prepend(entry)
            taken += 1
            if made := plan(partly, parsed, DIALECTS[dialect], world.terms()):
                break
        assert made is not None
        window = sum(isinstance(entry, Message) for entry in made.entries) + made.restored
        assert len(partly.nodes) <= 3 * window + 4, f"{taken} of {len(world.log)} lines"
        warm = plan(world.tree, parsed, DIALECTS[dialect], world.terms())
        assert warm is not None
        assert made.body == warm.body

    @pytest.mark.parametrize("turns", [30, 120])
    def test_what_is_in_memory_is_not_walked_to_its_beginning(
        self, dialect: str, turns: int
    ) -> None:
        world = self.history(dialect, turns)
        _Counting.looked = 0
        tree = _Counting(whole=True)
        for line in world.log:
            entry = entries.decode(line, read_item)
            assert entry is not None
            tree.append(entry)
        parsed = DIALECTS[dialect].parse(request(dialect, [user("more")]))
        assert plan(tree, parsed, DIALECTS[dialect], world.terms()) is not None
        assert _Counting.looked < 60

    def test_none_means_read_more_and_exhausted_that_there_is_no_more(self, dialect: str) -> None:
        parsed = DIALECTS[dialect].parse(request(dialect, [user("more")]))
        terms = World(dialect).terms()
        assert plan(Tree(), parsed, DIALECTS[dialect], terms) is None
        made = plan(Tree(), parsed, DIALECTS[dialect], replace(terms, exhausted=True))
        assert made is not None
        assert made.body is parsed.body


def test_the_estimate_is_of_all_that_is_sent(dialect: str) -> None:
    world = World(dialect)
    messages, more = head(dialect, "Be brief.", user("hi"))
    made, first = world.ask(messages, **more)
    assert made.tokens == first.head_tokens + first.items[0].tokens
    world.reply(made, answer(dialect, "hello"))
    again, parsed = world.ask([user("more")])
    assert again.tokens > made.tokens + parsed.items[0].tokens
    assert json.loads(again.body)["messages"][-1] == user("more") or dialect == "anthropic"


class TestSideThreads:
    @pytest.fixture(autouse=True)
    def near(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(planning, "_NEAR", 16)

    def plan_of_a_new_thread(self, dialect: str, *, aside: bool) -> int:
        """How many messages of a long conversation are read before a new thread is planned."""
        world = World(dialect)
        talk(world, 20)
        parsed = DIALECTS[dialect].parse(request(dialect, [user("You are a sub-agent.")]))
        terms = replace(
            world.terms(owns_history=True), thread="agent-1", aside=aside, exhausted=False
        )
        cold = Tree()
        for line in reversed(world.log):
            if plan(cold, parsed, DIALECTS[dialect], terms) is not None:
                return len(cold.nodes)
            if (entry := entries.decode(line, read_item)) is not None:
                cold.prepend(entry)
        return len(cold.nodes)

    def test_a_sub_agent_does_not_wait_for_the_whole_log_to_be_read(self, dialect: str) -> None:
        assert self.plan_of_a_new_thread(dialect, aside=True) == 16

    def test_the_main_thread_is_never_taken_for_new(self, dialect: str) -> None:
        assert self.plan_of_a_new_thread(dialect, aside=False) == 40
