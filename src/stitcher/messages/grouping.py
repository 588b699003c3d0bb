"""Which parts go out together where messages of one API are said in the words of another.

What becomes of a message depends on it and its neighbours in one answer alone: a call with the
calls and texts beside it, results with the results of the same calls. What a person says stands by
itself. Two answers without anything between them stay two, unless one of them calls a tool: a
provider wants such a call's results next.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Generic, TypeVar

from stitcher.core.item import digest
from stitcher.messages.parts import Part, ToolCall, ToolResult, legal_name, speaker

Source = TypeVar("Source")

# The narrowest of the providers' rules: Anthropic wants ^[a-zA-Z0-9_-]+$, OpenAI at most 40
# characters (API errors, 2026-11).
_LEGAL_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = 24

OPENING: Final = "[The conversation begins with the assistant.]"
"""What a user is made to say first where an API wants one to."""


@dataclass(slots=True, eq=False)
class Block(Generic[Source]):
    """Parts that go out together."""

    who: str  # as `speaker` has it
    parts: list[Part]
    sources: list[Source]  # that anything of it came from, in order
    calls: bool = False
    results: "Block[Source] | None" = None  # of its calls

    def take(self, parts: Sequence[Part], source: Source) -> None:
        """Takes in what one message says."""
        self.parts += parts
        self.sources.append(source)
        self.calls |= _have_calls(parts)


@dataclass(slots=True)
class Run(Generic[Source]):
    """Consecutive messages of other APIs, in blocks."""

    blocks: list[Block[Source]] = field(default_factory=list)
    callers: dict[str, Block[Source]] = field(default_factory=dict)  # by the tool id last called

    def take(self, parts: Sequence[Part], source: Source) -> None:
        """Takes in what one message says."""
        if not parts and self.blocks:
            self.blocks[-1].take((), source)
        for who, group in groupby(parts, speaker):
            said = list(group)
            if who == "tool":
                for part in said:
                    assert isinstance(part, ToolResult)
                    self._home(part).take([part], source)
                continue
            if not self._goes_on(who, said):
                self.blocks.append(Block(who, [], []))
            self.blocks[-1].take(said, source)
            for part in said:
                if isinstance(part, ToolCall):
                    self.callers[part.id] = self.blocks[-1]

    def _goes_on(self, who: str, said: Sequence[Part]) -> bool:
        """True for parts of the answer before, where the calls of one have to be in one message."""
        last = self.blocks[-1] if self.blocks else None
        if last is None or not (last.who == who == "assistant"):
            return False
        return last.calls or _have_calls(said)

    def _home(self, result: ToolResult) -> Block[Source]:
        """Where a result belongs: after its call, whatever was said in between.

        Results that the run begins with answer the message before it, all in one; any other whose
        call is not there stands alone, so that it can be left out.
        """
        caller = self.callers.get(result.id)
        if caller is None and len(self.blocks) == 1 and self.blocks[0].who == "tool":
            return self.blocks[0]
        home = caller.results if caller is not None else None
        if home is None:
            home = Block("tool", [], [])
            self.blocks.insert(self._after(caller), home)
            if caller is not None:
                caller.results = home
        return home

    def _after(self, block: Block[Source] | None) -> int:
        if block is None or self.blocks[-1] is block:
            return len(self.blocks)
        return self.blocks.index(block) + 1


@dataclass(slots=True)
class Ids:
    """The ids of tool calls, legal everywhere and each given once."""

    named: frozenset[str]  # by messages that go out as they are: kept
    given: set[str]  # to calls
    times: Counter[str] = field(default_factory=Counter)
    newest: dict[str, str] = field(default_factory=dict)  # of an id as it was → as it is now

    def part(self, part: Part) -> Part:
        """The part with a legal id and name."""
        if isinstance(part, ToolCall):
            return replace(part, id=self._call(part.id), name=legal_name(part.name))
        if isinstance(part, ToolResult):
            return replace(part, id=self.newest.get(part.id) or self._legal(part.id))
        return part

    def keep(self, calls: Iterable[str]) -> None:
        """Takes in the calls of a message that goes out as it is."""
        self.newest |= {name: name for name in calls}

    def _call(self, id: str) -> str:
        """Anthropic refuses an id given twice in a request; OpenAI's first API named no calls."""
        legal = self._legal(id)
        if legal in self.given:
            legal = _hashed(f"{id}/{self.times[id]}")
        self.times[id] += 1
        self.given.add(legal)
        self.newest[id] = legal
        return legal

    def _legal(self, id: str) -> str:
        return id if id in self.named or _LEGAL_ID.fullmatch(id) else _hashed(id)


def _have_calls(parts: Iterable[Part]) -> bool:
    return any(isinstance(part, ToolCall) for part in parts)


def _hashed(id: str) -> str:
    return f"call_{digest(id.encode())[:_DIGITS]}"
