"""A conversation played against the pure core: no server, no clock, no disk.

`World` is one session: its log as lines, its folded tree, and a model of what was really said.
Every request is checked on its way by the laws that hold for all of them: it is legal, a tree read
back cold plans the same bytes, and the path is what was said.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stitcher.core.item import Item
from stitcher.core.log import Entry, Node, Tree, Turn
from stitcher.core.tokens import Calibration
from stitcher.planning import Plan, Terms, plan
from stitcher.recording import Place, record_answers
from stitcher.simulator import rules_anthropic, rules_openai_chat
from stitcher.simulator.thinking_signature import sign
from stitcher.wire import entries
from stitcher.wire.call import Call
from stitcher.wire.dialects import DIALECTS, read_item
from tests.laws.replay import cold, outcome

Said = dict[str, Any]

RULES: dict[str, Callable[[Any], Any]] = {
    "anthropic": rules_anthropic.check,
    "openai_chat": rules_openai_chat.check,
}
PLENTY = 1_000_000
TOOLS: dict[str, list[Said]] = {
    "anthropic": [{"name": "look", "input_schema": {"type": "object"}}],
    "openai_chat": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
}


def user(text: str) -> Said:
    """What a person says."""
    return {"role": "user", "content": text}


def answer(dialect: str, text: str, *, thinks: bool = False) -> Said:
    """What a provider says."""
    if dialect == "openai_chat":
        return {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    thought = [{"type": "thinking", "thinking": "hm", "signature": sign("hm", bytes(16))}]
    said = [{"type": "text", "text": text}]
    return {"role": "assistant", "content": [*(thought if thinks else []), *said]}


def call(dialect: str, name: str, arguments: Said) -> Said:
    """A provider's tool call; `name` is its id."""
    if dialect == "openai_chat":
        function = {"name": "look", "arguments": json.dumps(arguments)}
        calls = [{"id": name, "type": "function", "function": function}]
        return {"role": "assistant", "content": None, "tool_calls": calls}
    block = {"type": "tool_use", "id": name, "name": "look", "input": arguments}
    return {"role": "assistant", "content": [block]}


def result(dialect: str, name: str, text: str) -> Said:
    """What a client's tool found for the call `name`."""
    if dialect == "openai_chat":
        return {"role": "tool", "tool_call_id": name, "content": text}
    block = {"type": "tool_result", "tool_use_id": name, "content": text}
    return {"role": "user", "content": [block]}


def request(dialect: str, messages: Sequence[Said], **more: Any) -> bytes:
    """A client's body, spaced as no serialiser of ours would space it."""
    body: Said = {"model": "sim-model", "messages": list(messages), **more}
    if dialect == "anthropic":
        body.setdefault("max_tokens", 100)
    return json.dumps(body, indent=1, ensure_ascii=False).encode()


@dataclass
class World:
    """One session."""

    dialect: str
    max_tokens: int = PLENTY
    keep: float = 0.5
    strict: bool = True  # the client is never at fault, so nothing sent may be refused
    log: list[bytes] = field(default_factory=list)
    tree: Tree = field(default_factory=lambda: Tree(whole=True))
    said: list[Said] = field(default_factory=list)  # what was really said, oldest first
    sent: list[list[bytes]] = field(default_factory=list)  # the messages of every request sent
    untouched: list[bool] = field(default_factory=list)  # whether they went out as they came
    now: float = 0.0

    def ask(
        self, messages: Sequence[Said], *, owns_history: bool = False, **more: Any
    ) -> tuple[Plan, Call]:
        """One request, laid against the log, checked and written down."""
        self.now += 1
        body = request(self.dialect, messages, **more)
        parsed = DIALECTS[self.dialect].parse(body)
        terms = self.terms(owns_history=owns_history)
        made = plan(self.tree, parsed, DIALECTS[self.dialect], terms)
        assert made is not None
        self._check_cold(body, made, terms)
        own = RULES[self.dialect](json.loads(body))
        refusal = RULES[self.dialect](json.loads(made.body))
        assert refusal is None or own is not None or not self.strict, f"{refusal}\n{made.body!r}"
        self.write(made.entries)
        self.sent.append(messages_of(self.dialect, made.body))
        self.untouched.append(made.body is body)
        return made, parsed

    def terms(self, *, owns_history: bool = False) -> Terms:
        """What a plan depends on besides the log."""
        return Terms(
            thread="main",
            now=self.now,
            max_tokens=self.max_tokens,
            keep=self.keep,
            owns_history=owns_history,
            may_cut=not owns_history,
            calibration=Calibration(),
        )

    def reply(self, made: Plan, message: Said, *, cut: bool = False) -> None:
        """The provider's answer to a request."""
        item = DIALECTS[self.dialect].read_answer(json.dumps(message).encode())
        answer = partial(Place.follow, thread="main", time=self.now, cut=cut, head=made.head)
        status = "cut" if cut else "answered"
        said, _ = record_answers(self.tree, [item], [], made.end, answer)
        self.write([*said, self._outcome(made, status, 200)])

    def fail(self, made: Plan) -> None:
        """The provider refused a request."""
        self.write([self._outcome(made, "failed", 500)])

    def write(self, added: Sequence[Entry]) -> None:
        """Appends entries, by way of their lines."""
        for entry in added:
            line = entries.encode(entry)
            self.log.append(line)
            again = entries.decode(line, read_item)
            assert again is not None
            self.tree.append(again)

    def path(self) -> list[Node]:
        """The active path."""
        return self.tree.path(self.tree.tips.get("main", ""))

    def check_path(self) -> None:
        """The active path is what was said: nothing lost, nothing doubled, nothing mixed in."""
        read = DIALECTS[self.dialect].read_item
        expected = [read(json.dumps(message).encode()).identity for message in self.said]
        assert [node.item.identity for node in self.path()] == expected

    def _outcome(self, made: Plan, status: Any, http: int) -> Turn:
        aligned = made.alignment
        window = self.tree.windows.get("main")
        return Turn(
            thread="main",
            time=self.now,
            status=status,
            of=made.end.chain,
            base=aligned.base if aligned.habit in ("thin", "retry") else aligned.tip,
            model="sim-model",
            http=http,
            tokens=made.tokens,
            usage=None,
            head=made.head,
            window=window.start if window else "",
        )

    def _check_cold(self, body: bytes, warm: Plan, terms: Terms) -> None:
        """Read back line by line, only as far as needed, it is the same plan."""
        afar = cold(self.log, self.dialect, body, terms, 1 + len(self.log) % 5)
        assert outcome(afar) == outcome(warm)


def messages_of(dialect: str, body: bytes) -> list[bytes]:
    """The history of a body, message by message, without breakpoints."""
    parsed = DIALECTS[dialect].parse(body)
    return [unmarked(item) for item in parsed.items]


def unmarked(item: Item) -> bytes:
    """A message without its cache breakpoints: these are not part of the prefix."""

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items() if key != "cache_control"}
        return value

    message = clean(json.loads(item.raw))
    if item.dialect == "anthropic" and isinstance(message["content"], str):
        message["content"] = [{"type": "text", "text": message["content"]}]
    return json.dumps(message).encode()
