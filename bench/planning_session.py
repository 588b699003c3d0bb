"""A thin session in memory, and its next request as the planner meets it.

The session is planned and answered turn by turn through the proxy's own functions: no server, no
disk, no clock. Its provider says of its cache what was foreseen.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from bench.speech import words
from stitcher.core.align import align
from stitcher.core.layout import Piece, first_sent, restore
from stitcher.core.log import Node, Tree, Turn
from stitcher.core.threads import MAIN
from stitcher.core.tokens import Calibration
from stitcher.forecast import Answered, Forecast, state_after
from stitcher.lending import lend
from stitcher.planning import plan
from stitcher.ports import DialectName
from stitcher.providers.usage import CacheUsage
from stitcher.recording import Place, record_answers
from stitcher.terms import Terms
from stitcher.window import Case, left_out
from stitcher.wire.dialects import DIALECTS

_SYSTEM: Final = words(random.Random("system"), 20_000)
_SAID_BYTES: Final = 200
# Twice what a message has, by our estimate: more than half of the room is taken, none is cut.
_ROOM_OF_EACH: Final = 170  # tokens
_PAUSE: Final = 20.0  # seconds from request to request
_ANSWERS_AFTER: Final = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Captured:
    """A request laid against its session."""

    case: Case
    path: Sequence[Node]  # what the client left out
    pieces: Sequence[Piece]  # all that is sent, before it is marked
    tokens: int

    def anew(self) -> "Captured":
        """The same as if it had just been read: nothing that was worked out of it is remembered."""
        return replace(self, case=replace(self.case))


@dataclass(slots=True)
class Session:
    """A client that sends what is new, and its system prompt once."""

    model: str
    dialect: DialectName
    messages: int  # that it will have
    now: float = 1_000_000.0
    tree: Tree = field(default_factory=lambda: Tree(whole=True))
    rng: random.Random = field(default_factory=lambda: random.Random("planning"))

    def held(self) -> "Session":
        """The same, after turns of that many messages."""
        for _ in range(self.messages // 2):
            self._turn()
        self.now += _PAUSE
        return self

    def captured(self) -> Captured:
        """Its next request."""
        dialect, terms = DIALECTS[self.dialect], self._terms()
        call = dialect.parse(self._asks())
        alignment = align(self.tree, MAIN, call.items)
        assert alignment is not None
        lent = lend(self.tree.heads.get(MAIN), call)
        case = Case(self.tree, call, dialect, terms, alignment, lent)
        path = left_out(case)
        assert path is not None
        restored = restore(path, case.window, head=case.lent.digest, binds=False)
        pieces = [*restored, *first_sent(alignment, self.tree.nodes)]
        tokens = case.head.tokens + sum(piece.tokens for piece in pieces)
        return Captured(case, path, pieces, tokens)

    def _terms(self) -> Terms:
        return Terms(
            thread=MAIN,
            now=self.now,
            max_tokens=20_000 + self.messages * _ROOM_OF_EACH,
            keep=0.5,
            owns_history=False,
            may_cut=True,
            calibration=Calibration(),
        )

    def _asks(self) -> bytes:
        said = f'{{"role":"user","content":"{words(self.rng, _SAID_BYTES)}"}}'
        head = '"max_tokens":1024,' if self.dialect == "anthropic" else ""
        if MAIN not in self.tree.heads and self.dialect == "anthropic":
            head += f'"system":"{_SYSTEM}",'
        elif MAIN not in self.tree.heads:
            said = f'{{"role":"system","content":"{_SYSTEM}"}},{said}'
        return f'{{"model":"{self.model}",{head}"messages":[{said}]}}'.encode()

    def _turn(self) -> None:
        """A question and its answer."""
        self.now += _PAUSE
        dialect = DIALECTS[self.dialect]
        made = plan(self.tree, dialect.parse(self._asks()), dialect, self._terms())
        assert made is not None
        for entry in made.entries:
            self.tree.append(entry)
        said = f'{{"role":"assistant","content":"{words(self.rng, _SAID_BYTES)}"}}'
        follow = partial(Place.follow, thread=MAIN, time=self.now, head=made.head)
        item = dialect.read_item(said.encode())
        given, _ = record_answers(self.tree, [item], [], made.end, follow)
        answer = answered(made.forecast, self.now)
        ended = Turn(
            thread=MAIN,
            time=answer.at,
            status="answered",
            of=made.end.chain,
            base=made.alignment.base,
            model=self.model,
            http=200,
            tokens=made.tokens,
            usage=None,
            head=made.head,
            cache=state_after(made.forecast, made.cache, made.carried, answer, sent_at=self.now),
        )
        for entry in (*given, ended):
            self.tree.append(entry)


def answered(made: Forecast, now: float) -> Answered:
    """What the provider says of a request sent now."""
    foreseen = made.prediction
    usage = CacheUsage(foreseen.read, sum(foreseen.written.values()), foreseen.plain)
    return Answered(now + _ANSWERS_AFTER, usage)
