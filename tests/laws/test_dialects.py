"""Dialects: a conversation under one name goes from one API to another, at any request of it.

Each API is sent what was said in the others in its own words, the same words every time, and what
was said in itself as it was said. What stands in the log is what came, in its own dialect.

Seen to fail: with a result left out of what is translated, and with a call in a message of its own
beside another of its answer ("`tool_use` ids were found without `tool_result` blocks"); with ids as
they came ("String should match pattern"); with results that forget the calls which are not
translated; with a head lent in the words it came in, with tools or a prompt not lent; with all but
the first item of an answer forgotten; with reasoning parted from its item; without `legal`; with a
call's results sought right behind it; with texts beside calls, or what a tool found, left out; with
a replay over another API settling an answer.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.planning import Plan
from stitcher.terms import After
from stitcher.wire.dialects import DIALECTS
from tests.laws.provider import Said
from tests.laws.test_alignment import DIALECT
from tests.laws.world import (
    TOOLS,
    World,
    answer,
    answers,
    call,
    identity_of,
    messages_of,
    result,
    results,
    under,
    unmarked,
    user,
)

TEXT = st.sampled_from(["yes", "go on", "naïve ☃", "word " * 20])
PROMPT = st.sampled_from(["", "", "", "Be brief.", "Be kind."])
# Which ids the providers themselves give, and which of them an API takes from a client.
IDS = st.sampled_from(["call_{}", "functions.look:{}", "call_" + "x" * 40 + "_{}"])
TAKEN = {"openai_chat": ".{,40}", "anthropic": "[a-zA-Z0-9_-]+", "openai_responses": ".{,64}"}
TOKEN = re.compile(r"<\w+>")


@dataclass(frozen=True)
class Turn:
    """A question and what comes of it. The APIs it is held over take turns, request by request."""

    dialects: list[str]
    text: str
    rounds: int  # of tool calls
    parallel: int  # calls in each
    speaks: bool  # beside its calls
    thinks: bool
    prompt: str
    brings: bool  # its tools
    greets: bool  # the application has the assistant speak first
    way: str  # how a Responses request says where it stands
    ending: str


TURN = st.builds(
    Turn,
    dialects=st.lists(DIALECT, min_size=1, max_size=4),
    text=TEXT,
    rounds=st.integers(0, 2),
    parallel=st.integers(1, 3),
    speaks=st.booleans(),
    thinks=st.booleans(),
    prompt=PROMPT,
    brings=st.booleans(),
    greets=st.booleans(),
    way=st.sampled_from(["named", "named", "chain", "conversation"]),
    ending=st.sampled_from(["", "", "", "cut", "fail", "abandon"]),
)


@dataclass
class Talk:
    """A thin client of three APIs, and all that was said."""

    world: World
    ids: str = "call_{}"  # the form of a provider's ids
    spoken: list[tuple[str, Said]] = field(default_factory=list)
    last: dict[str, tuple[str, list[bytes]]] = field(default_factory=dict)  # head, messages sent

    def hold(self, turns: Sequence[Turn]) -> Iterator[Plan]:
        """Holds the turns; each request's plan, once it is sent."""
        for n, turn in enumerate(turns):
            dialects = cycle(turn.dialects)
            self.world.dialect = next(dialects)
            news = [user(f"<u{n}> {turn.text}")]
            if n == 0 and turn.greets and self.world.dialect != "anthropic":
                news.insert(0, {"role": "assistant", "content": "<g> Hello."})
            for r in range(turn.rounds + 1):
                made = self._ask(turn, news)
                yield made
                calls = [self._call(f"{n}_{r}_{p}") for p in range(turn.parallel)]
                calls = calls if r < turn.rounds else []
                text = f"<a{n}_{r}> {turn.text}" if turn.speaks or not calls else ""
                if not calls and turn.ending == "fail":
                    self.world.fail(made)
                    del self.spoken[len(self.spoken) - len(news) :]
                    break
                said = answers(self.world.dialect, text, calls, thinks=turn.thinks)
                cut = not calls and turn.ending == "cut"
                self._say(self.world.reply(made, *said, cut=cut))
                self._note(made)
                if turn.ending == "abandon":
                    break  # what the client's tools found, if anything, is never said
                then = next(dialects)
                if all(re.fullmatch(TAKEN[then], name) for name, _ in calls):
                    self.world.dialect = then  # else it cannot say what it answers there
                found = [(name, f"{token} {turn.text}") for name, token in self._found(calls)]
                news = results(self.world.dialect, found)

    def _call(self, place: str) -> tuple[str, Said]:
        name = self.ids.format(place)
        if not re.fullmatch(TAKEN[self.world.dialect], name):
            name = f"toolu_{place}"
        return name, {"for": f"<c{place}>"}

    def _found(self, calls: Sequence[tuple[str, Said]]) -> list[tuple[str, str]]:
        return [(name, arguments["for"].replace("c", "r")) for name, arguments in calls]

    def _ask(self, turn: Turn, news: list[Said]) -> Plan:
        world = self.world
        self._say(news)
        more: dict[str, Any] = (
            {"tools": TOOLS[world.dialect]} if turn.brings or len(self.spoken) <= 2 else {}
        )
        if world.dialect == "openai_responses":
            tip = world.tree.tips.get("main", "")
            if turn.way == "chain" and world.answered == After(tip, world.answered.head) and tip:
                return world.ask(news, after=world.answered, **more)[0]
            if turn.way == "conversation":
                return world.ask(news, appends=True, **more)[0]
        messages, more = under(world.dialect, turn.prompt, news, **more)
        return world.ask(messages, **more)[0]

    def _say(self, messages: Sequence[Said]) -> None:
        self.spoken += [(self.world.dialect, message) for message in messages]

    def _note(self, made: Plan) -> None:
        self.last[self.world.dialect] = (self._head(made), self.world.sent[-1])

    def _head(self, made: Plan) -> str:
        return DIALECTS[self.world.dialect].parse(made.body).head_digest

    def check_path(self) -> None:
        """What was said is on the path: in order, each in its dialect, nothing else."""
        path = self.world.path()
        expected = [identity_of(dialect, message) for dialect, message in self.spoken]
        assert [node.item.identity for node in path] == expected
        assert [node.item.dialect for node in path] == [dialect for dialect, _ in self.spoken]

    def check_prefix(self, made: Plan) -> None:
        """The request begins with all of the last one over this API under the same head."""
        head, before = self.last.get(self.world.dialect, ("", []))
        if head == self._head(made):
            assert self.world.sent[-1][: len(before)] == before


@settings(max_examples=40, deadline=None)
@given(turns=st.lists(TURN, min_size=2, max_size=6), ids=IDS, budget=st.integers(80, 3_000))
def test_whatever_came_over_other_apis_a_request_is_legal(
    turns: list[Turn], ids: str, budget: int
) -> None:
    """`World.ask` puts each before the rules of its API, and plans it from the cold log too."""
    talk = Talk(World("openai_chat", max_tokens=budget), ids)
    for _ in talk.hold(turns):
        pass


@settings(max_examples=40, deadline=None)
@given(turns=st.lists(TURN, min_size=2, max_size=6))
def test_what_was_said_is_on_the_path_and_each_apis_prompt_only_grows(turns: list[Turn]) -> None:
    talk = Talk(World("openai_chat"))
    written: dict[str, bytes] = {}
    for made in talk.hold(turns):
        talk.check_path()
        talk.check_prefix(made)
        for node in talk.world.path():
            assert node.item.raw == written.setdefault(node.chain, node.item.raw)
    talk.check_path()


@settings(max_examples=30, deadline=None)
@given(turns=st.lists(TURN, min_size=1, max_size=5), ids=IDS)
def test_coming_back_to_an_api_brings_back_its_own_words(turns: list[Turn], ids: str) -> None:
    """And all that was said besides is there, in order, once."""
    talk = Talk(World("openai_chat"), ids)
    whole = [turn for turn in turns if not turn.ending]
    for _ in talk.hold(whole):
        pass
    for dialect, tools in TOOLS.items():
        talk.world.dialect = dialect
        made, _ = talk.world.ask([user("What did I say?")], tools=tools)
        sent = iter(messages_of(dialect, made.body))
        for node in talk.world.path()[:-1]:
            if node.item.dialect == dialect:
                assert unmarked(node.item) in sent, "in order, as it was first sent"
        assert TOKEN.findall(made.body.decode()) == TOKEN.findall(json.dumps(talk.spoken))
        talk.world.fail(made)
    for node, (_, message) in zip(talk.world.path(), talk.spoken, strict=True):
        assert json.loads(node.item.raw) == message, "with its thinking"


@settings(max_examples=30, deadline=None)
@given(turns=st.lists(st.tuples(DIALECT, TEXT), min_size=2, max_size=7))
def test_a_client_that_sends_all_over_any_api_has_its_way_and_changes_no_word_of_the_log(
    turns: list[tuple[str, str]],
) -> None:
    """Its own words for what another API said go out, and what was said stays what it was."""
    world, talked, over = World("openai_chat"), list[str](), list[str]()
    for n, (dialect, text) in enumerate(turns):
        world.dialect = dialect
        talked.append(f"{n} {text}")
        history = [answer(dialect, said) if m % 2 else user(said) for m, said in enumerate(talked)]
        made, parsed = world.ask(history)
        assert made.body is parsed.body
        talked.append(f"{n} said {text} ")
        world.reply(made, answer(dialect, talked[-1]))
        over += [dialect, dialect]
        world.said = [*history, answer(dialect, talked[-1])]
        world.check_path()
        assert [node.item.dialect for node in world.path()] == over


def test_an_answer_under_a_prompt_of_another_api_is_followed_by_its_id() -> None:
    """The prompt was lent as `instructions`, and these are not carried over by the API."""
    world = World("anthropic")
    made, _ = world.ask([user("Hi.")], system="Be brief.")
    world.reply(made, answer("anthropic", "Hi."))
    world.dialect = "openai_responses"
    made, _ = world.ask([user("And?")])
    assert b'"instructions":"Be brief."' in made.body
    world.reply(made, answer("openai_responses", "Well."))
    made, _ = world.ask([user("Yes?")], after=world.answered)
    assert b"Be brief." not in made.body
    assert made.restored == 4


def test_a_result_that_came_over_another_api_stays_with_its_call() -> None:
    """Whatever the call's id looks like: Kimi K2 gives such ones."""
    world, name = World("openai_chat"), "functions.look:0"
    made, _ = world.ask([user("Look.")], tools=TOOLS["openai_chat"])
    world.reply(made, call("openai_chat", name, {}))
    world.dialect = "openai_responses"
    made, _ = world.ask([result("openai_responses", name, "found")])
    world.reply(made, answer("openai_responses", "Well."))
    world.dialect = "openai_chat"
    made, _ = world.ask([user("And?")])
    assert made.body.count(name.encode()) == 2
