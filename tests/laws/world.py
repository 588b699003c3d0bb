"""A conversation played against the pure core: no server, no clock, no disk.

`World` is one session: its log as lines, its folded tree, and a model of what was really said.
Every request is checked on its way by the laws that hold for all of them: it is legal, a tree read
back cold plans the same bytes, and the path is what was said.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stitcher.core.compaction import Policy
from stitcher.core.item import ROOT, Item
from stitcher.core.ledger import NOTHING_KNOWN, CacheState
from stitcher.core.log import Entry, Node, Response, Tree, Turn
from stitcher.core.tokens import Calibration
from stitcher.forecast import Answered, state_after
from stitcher.planning import Plan, plan
from stitcher.providers.usage import CacheUsage
from stitcher.recording import Place, record_answers
from stitcher.simulator.thinking_signature import sign
from stitcher.terms import After, Terms
from stitcher.wire import entries
from stitcher.wire.call import Call
from stitcher.wire.dialects import DIALECTS, read_item
from tests.laws.provider import Provider, Said, flat, received
from tests.laws.replay import cold, outcome

__all__ = ["Said"]

PLENTY = 1_000_000
TOOLS: dict[str, list[Said]] = {
    "anthropic": [{"name": "look", "input_schema": {"type": "object"}}],
    "openai_chat": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
    "openai_responses": [{"type": "function", "name": "look", "parameters": {}, "strict": False}],
}


def user(text: str) -> Said:
    """What a person says."""
    return {"role": "user", "content": text}


def answer(dialect: str, text: str, *, thinks: bool = False) -> Said:
    """What a provider says; the ids of it are for `Provider` to give."""
    return answers(dialect, text, thinks=thinks)[0]


def call(dialect: str, name: str, arguments: Said) -> Said:
    """A provider's tool call; `name` is its id."""
    return answers(dialect, "", [(name, arguments)])[0]


def answers(
    dialect: str, text: str, calls: Sequence[tuple[str, Said]] = (), *, thinks: bool = False
) -> list[Said]:
    """An answer that says something, or calls tools, or both: one message, or an item for each."""
    match dialect:
        case "openai_chat":
            called = [_function(name, arguments) for name, arguments in calls]
            said: Said = {"role": "assistant", "content": text or None}
            more: Said = {"tool_calls": called} if called else {"refusal": None, "annotations": []}
            return [{**said, **more}]
        case "anthropic":
            thought = {"type": "thinking", "thinking": "hm", "signature": sign("hm", bytes(16))}
            blocks: list[Said] = [thought] if thinks else []
            blocks += [{"type": "text", "text": text}] if text else []
            blocks += [_tool_use(name, arguments) for name, arguments in calls]
            return [{"role": "assistant", "content": blocks}]
    items: list[Said] = [_output_text(text)] if text else []
    items += [_function_call(name, arguments) for name, arguments in calls]
    if thinks:
        summary = [{"type": "summary_text", "text": "hm"}]
        items[0] = [{"type": "reasoning", "summary": summary}, items[0]]
    return items


def _function(name: str, arguments: Said) -> Said:
    function = {"name": "look", "arguments": json.dumps(arguments)}
    return {"id": name, "type": "function", "function": function}


def _tool_use(name: str, arguments: Said) -> Said:
    return {"type": "tool_use", "id": name, "name": "look", "input": arguments}


def _output_text(text: str) -> Said:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "status": "completed", "role": "assistant", "content": [part]}


def _function_call(name: str, arguments: Said) -> Said:
    called = {"call_id": name, "name": "look", "arguments": json.dumps(arguments)}
    return {"type": "function_call", "status": "completed", **called}


def result(dialect: str, name: str, text: str) -> Said:
    """What a client's tool found for the call `name`."""
    return results(dialect, [(name, text)])[0]


def results(dialect: str, found: Sequence[tuple[str, str]]) -> list[Said]:
    """What a client's tools found: one message, or one for each."""
    match dialect:
        case "openai_chat":
            return [{"role": "tool", "tool_call_id": n, "content": text} for n, text in found]
        case "anthropic":
            blocks = [{"type": "tool_result", "tool_use_id": n, "content": t} for n, t in found]
            return [{"role": "user", "content": blocks}]
    return [{"type": "function_call_output", "call_id": n, "output": text} for n, text in found]


def under(
    dialect: str, prompt: str, messages: Sequence[Said], **more: Any
) -> tuple[list[Said], dict[str, Any]]:
    """Messages and further members of a request with that system prompt; "" for none."""
    if not prompt:
        return list(messages), more
    match dialect:
        case "openai_chat":
            return [{"role": "system", "content": prompt}, *messages], more
        case "anthropic":
            return list(messages), {**more, "system": prompt}
    return list(messages), {**more, "instructions": prompt}


def request(dialect: str, messages: Sequence[Said], **more: Any) -> bytes:
    """A client's body, spaced as no serialiser of ours would space it."""
    history = "input" if dialect == "openai_responses" else "messages"
    body: Said = {"model": "sim-model", history: flat(messages), **more}
    if dialect == "anthropic":
        body.setdefault("max_tokens", 100)
    return json.dumps(body, indent=1, ensure_ascii=False).encode()


@dataclass
class World:
    """One session. `dialect` is what is spoken now: it may change."""

    dialect: str
    max_tokens: int = PLENTY
    keep: float = 0.5
    strict: bool = True  # the client is never at fault, so nothing sent may be refused
    log: list[bytes] = field(default_factory=list)
    tree: Tree = field(default_factory=lambda: Tree(whole=True))
    provider: Provider = field(default_factory=Provider)
    said: list[Said] = field(default_factory=list)  # what was really said, oldest first
    sent: list[list[bytes]] = field(default_factory=list)  # the messages of every request sent
    untouched: list[bool] = field(default_factory=list)  # whether they went out as they came
    answered: After = field(default_factory=lambda: After(ROOT))  # where the last answer stands
    now: float = 0.0
    sent_at: float = 0.0
    model: str = "sim-model"
    cut: Policy = "auto"

    def ask(
        self,
        messages: Sequence[Said],
        *,
        owns_history: bool = False,
        after: After | None = None,
        appends: bool = False,
        **more: Any,
    ) -> tuple[Plan, Call]:
        """One request, laid against the log, checked and written down.

        `after` names the answer it follows by an id, `appends` the conversation it is part of.
        """
        self.now += 1
        self.sent_at = self.now
        if after is not None:
            more["previous_response_id"] = "resp_1"
        if appends:
            more["conversation"] = "conv_1"
        body = request(self.dialect, messages, **more)
        parsed = DIALECTS[self.dialect].parse(body)
        terms = self.terms(owns_history=owns_history, after=after, appends=appends)
        made = plan(self.tree, parsed, DIALECTS[self.dialect], terms)
        assert made is not None
        self._check_cold(body, made, terms)
        refusal = self.provider.refusal(self.dialect, json.loads(made.body))
        ours = self.strict and made.body is not body
        assert refusal is None or not ours, f"{refusal}\n{made.body!r}"
        self.provider.stores = parsed.stores
        self.write(made.entries)
        self._note(made, body)
        return made, parsed

    def _note(self, made: Plan, body: bytes) -> None:
        """Keeps what was sent, for laws that compare one request with another."""
        self.sent.append(messages_of(self.dialect, made.body))
        self.untouched.append(made.body is body)

    def terms(
        self, *, owns_history: bool = False, after: After | None = None, appends: bool = False
    ) -> Terms:
        """What a plan depends on besides the log."""
        return Terms(
            thread="main",
            now=self.now,
            max_tokens=self.max_tokens,
            keep=self.keep,
            cut=self.cut,
            owns_history=owns_history,
            may_cut=not owns_history,
            calibration=Calibration(),
            after=after,
            appends=appends,
        )

    def reply(self, made: Plan, *messages: Said, cut: bool = False) -> list[Said]:
        """The provider's answer to a request; as the client sees it, with its ids."""
        shown = self.provider.says(self.dialect, messages)
        came = received(self.dialect, shown, cut=cut)
        read = DIALECTS[self.dialect].read_answer
        items = [read(raw) for raw in (came.message, *came.further) if raw is not None]
        follow = partial(Place.follow, thread="main", time=self.now, cut=cut, head=made.head)
        said, end = record_answers(self.tree, items, [], made.end, follow)
        status = ("cut" if cut else "answered") if items else "failed"
        self.write([*said, self._outcome(made, status, 200)])
        self.answered = After(end.chain, made.head)
        if self.dialect == "openai_responses" and not cut:
            self.write([self._response(made)])
        return shown

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
        expected = [identity_of(self.dialect, message) for message in self.said]
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
            model=self.model,
            http=http,
            tokens=made.tokens,
            usage=None,
            head=made.head,
            window=window.start if window else "",
            ratio=self.ratio_after(made),
            cache=self._cache(made, status),
        )

    def ratio_after(self, made: Plan) -> float:
        """Reported tokens per estimated one: nothing is reported, here."""
        return 0.0

    def _cache(self, made: Plan, status: str) -> CacheState:
        """What the turn says of the provider's cache."""
        if status == "failed":
            last = self.tree.turns.get("main")
            return last.cache if last else NOTHING_KNOWN
        usage = self.usage_of(made)
        answered = Answered(self.now, usage)
        return state_after(made.forecast, made.cache, made.carried, answered, sent_at=self.sent_at)

    def usage_of(self, made: Plan) -> CacheUsage | None:
        """What the provider says its cache did: nothing, here."""
        return None

    def _response(self, made: Plan) -> Response:
        return Response(
            thread="main",
            time=self.now,
            id="resp_1",
            asked=made.end.chain,
            of=self.answered.chain,
            head=made.head,
            stored=self.provider.stores,
        )

    def _check_cold(self, body: bytes, warm: Plan, terms: Terms) -> None:
        """Read back line by line, only as far as needed, it is the same plan."""
        afar = cold(self.log, self.dialect, body, terms, 1 + len(self.log) % 5)
        assert outcome(afar) == outcome(warm)


def identity_of(dialect: str, message: Said) -> str:
    """Whether two messages are the same, of one dialect or of two."""
    return DIALECTS[dialect].read_item(json.dumps(message).encode()).identity


def messages_of(dialect: str, body: bytes) -> list[bytes]:
    """The history of a body, message by message, without breakpoints."""
    parsed = DIALECTS[dialect].parse(body)
    return [unmarked(item) for item in parsed.items]


def unmarked(item: Item) -> bytes:
    """A message without its cache breakpoints: these are not part of the prefix."""
    if item.dialect != "anthropic":
        return item.raw

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(inner) for inner in value]
        if isinstance(value, dict):
            return {key: clean(inner) for key, inner in value.items() if key != "cache_control"}
        return value

    message = clean(json.loads(item.raw))
    if isinstance(message["content"], str):
        message["content"] = [{"type": "text", "text": message["content"]}]
    return json.dumps(message).encode()
