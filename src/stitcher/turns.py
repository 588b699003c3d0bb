"""A request on its way, and what is written down when it ends: its answer, how it went, its id.

Knows how a log is written; knows nothing of upstreams, clients and what is sent.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stitcher.conversations import Conversations
from stitcher.core.item import Item
from stitcher.core.ledger import NOTHING_KNOWN, CacheState
from stitcher.core.log import Entry, Head, Message, Response, Turn, TurnStatus
from stitcher.core.threads import Claim
from stitcher.core.tokens import Calibration
from stitcher.errors import StoreError
from stitcher.forecast import Answered, state_after
from stitcher.messages.unreadable import Unreadable
from stitcher.planning import Plan
from stitcher.ports import Headers, Incoming
from stitcher.providers.usage import cache_usage, said_tokens
from stitcher.recording import Place, record_answers
from stitcher.refused import USAGE_OPTIONS
from stitcher.responses_api.pointers import Pointer, Pointers
from stitcher.sessions import Session
from stitcher.terms import Terms
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect, Received
from stitcher.wire.openai_responses.reference import ids
from stitcher.wire.values import decoded

log = logging.getLogger("stitcher.turns")

_MOST_MODELS = 1_024  # a client may name any
_NOTHING = Received(None, (), False, None, None)


@dataclass(slots=True)
class OpenTurn:
    """One request on its way."""

    incoming: Incoming
    call: Call
    dialect: Dialect
    claim: Claim
    session: Session
    terms: Terms
    plan: Plan
    purges: int  # of the session until now
    base: str  # where the path goes back to if there is no answer
    asks_usage: bool = False  # we asked for a usage report the client did not ask for
    cut_harder: bool = False
    forgets: bool = False  # the provider did not know reasoning by its id
    remembered: bool = False
    outcome: Turn | None = None  # how it ended, once that is in the log

    @property
    def added(self) -> frozenset[str]:
        """Members of ours that a provider might not know."""
        if self.incoming.mode == "observe":
            return frozenset()
        return self.plan.added | {USAGE_OPTIONS} if self.asks_usage else self.plan.added

    @property
    def body(self) -> bytes:
        """What is sent."""
        if self.incoming.mode == "observe":
            return self.incoming.body
        body = self.plan.body
        if self.asks_usage:
            return self.dialect.ask_usage(body)
        # The very object we were given goes out with the encoding it came in.
        return self.incoming.body if body is self.call.body else body

    @property
    def headers(self) -> Headers:
        """What the client is told of all this."""
        made = self.plan
        status = "passthrough" if made.untouched else "marked" if made.marked else "stitched"
        if self.incoming.mode == "observe":
            status = f"observe; {status}"
        return [
            # Node refuses answers with more than 16 KB of headers; a name may be 10,000 emoji.
            ("X-Stitcher-Session", self.session.key.name[:256]),
            ("X-Stitcher-Stored", str(made.end.depth)),
            ("X-Stitcher-Restored", str(made.restored)),
            ("X-Stitcher-Tokens", str(made.calibration.apply(made.tokens))),
            ("X-Stitcher-Cache", _expected(made)),
            ("X-Stitcher-Status", status),
        ]


def _expected(made: Plan) -> str:
    """What the provider's cache should do, in calibrated tokens, and why it cannot do more."""
    foreseen = made.forecast.prediction
    written = sum(foreseen.written.values())
    told = f"predicted={foreseen.read}; written={written}; plain={foreseen.plain}"
    return f"{told}; cause={made.forecast.cause}" if made.forecast.cause else told


class Endings:
    """Writes down how turns end."""

    def __init__(
        self, conversations: Conversations, pointers: Pointers, clock: Callable[[], float]
    ) -> None:
        self._conversations = conversations
        self._pointers = pointers
        self._clock = clock
        self._calibrations: dict[str, Calibration] = {}

    def calibration(self, model: str) -> Calibration:
        """What was learnt of a model since the process began."""
        return self._calibrations.get(model, Calibration())

    async def remember(self, turn: OpenTurn, received: Received, http: int) -> None:
        """Writes the answer and how the turn ended; once."""
        if turn.remembered:
            return
        turn.remembered = True
        said, others = _answers(turn, received)
        status: TurnStatus = "answered" if received.complete else "cut"
        if not said and not received.complete:
            status = "failed"
        await self._end(turn, status, http, received, (said, others))

    async def fail(self, turn: OpenTurn, http: int) -> None:
        """The turn got no answer: its messages go off the path until the client repeats them."""
        if turn.remembered:
            return
        turn.remembered = True
        await self._end(turn, "failed", http, _NOTHING, ((), ()))

    async def _end(
        self,
        turn: OpenTurn,
        status: TurnStatus,
        http: int,
        received: Received,
        answers: tuple[Sequence[Item], Sequence[Item]],
    ) -> None:
        """Writes down how a turn ended, where there still is a log."""
        session, asked = turn.session, turn.plan.end.chain
        if status != "answered":
            self._conversations.failed(session.key, turn.claim, asked)
        try:
            async with session.changing:
                if session.purges != turn.purges:
                    return
                taken_back = self._taken_back(turn) if status == "failed" else None
                head = taken_back.digest if taken_back else turn.plan.head
                follow = partial(self._follow, turn, cut=not received.complete)
                said, end = record_answers(session.tree, *answers, turn.plan.end, follow)
                outcome = self._outcome(turn, status, http, received)
                cache = self._cache(turn, status, received, end)
                outcome = replace(outcome, head=head, cache=cache)
                ended = [outcome, taken_back] if taken_back else [outcome]
                await self._append(turn, received, [*said, *ended], end)
                turn.outcome = outcome
        except StoreError as error:
            log.warning("how a turn ended was not remembered: %s", error)
            return
        self._conversations.answered(session.key, turn.claim, session.tree)

    def _taken_back(self, turn: OpenTurn) -> Head | None:
        """The head that counts again where one that was refused had taken its place.

        Said anew, it is the newest there is: no later request is lent the refused one.
        """
        before, now = turn.plan.head_before, turn.session.tree.heads.get(turn.claim.thread)
        if before is None or now is None or now.digest != turn.plan.head:
            return None  # or another request has brought its own meanwhile
        return replace(before, time=self._clock())

    def _follow(self, turn: OpenTurn, at: Place, item: Item, *, cut: bool) -> Message:
        return at.follow(
            item, thread=turn.claim.thread, time=self._clock(), cut=cut, head=turn.plan.head
        )

    def _outcome(self, turn: OpenTurn, status: TurnStatus, http: int, received: Received) -> Turn:
        tree, thread, asked = turn.session.tree, turn.claim.thread, turn.plan.end.chain
        learnt = self._learn(turn, received)
        tip = tree.tips.get(thread, asked)
        window = tree.windows.get(thread)
        return Turn(
            thread=thread,
            time=self._clock(),
            status=status,
            of=asked,
            # Where another request has led the path on meanwhile, it stays.
            base=turn.base if tip == asked else tip,
            model=turn.call.model,
            http=http,
            tokens=turn.plan.tokens,
            usage=received.usage,
            head=turn.plan.head,
            window=window.start if window else "",
            ratio=learnt.ratio if learnt.seen else 0.0,
            forgets=turn.forgets or turn.plan.forgets,
        )

    def _cache(
        self, turn: OpenTurn, status: TurnStatus, received: Received, end: Place
    ) -> CacheState:
        """What is known of the provider's cache now.

        What failed has left nothing there; what was only observed did not go out as planned.
        """
        before = turn.session.tree.turns.get(turn.claim.thread)
        if status == "failed" or turn.incoming.mode == "observe":
            return before.cache if before else NOTHING_KNOWN
        told = decoded(received.usage)
        told = told if isinstance(told, dict) else {}
        answered = Answered(
            at=self._clock(),
            usage=cache_usage(told),
            chain=end.chain if received.complete else "",
            tokens=said_tokens(told),
        )
        made, sent_at = turn.plan, turn.terms.now
        return state_after(made.forecast, made.cache, made.carried, answered, sent_at=sent_at)

    async def _append(
        self, turn: OpenTurn, received: Received, added: Sequence[Entry], end: Place
    ) -> None:
        """Writes the entries, and where the answer is found by its id, in one go."""
        name, key, call = received.response_id, turn.session.key, turn.call
        kept = call.stores or turn.incoming.channel is not None
        given = received.complete or end.chain != turn.plan.end.chain
        # An answer that is given later, to be fetched, stays with the provider.
        pending = not received.complete and (
            call.background or (not given and received.response is not None)
        )
        if not (name and kept and (given or pending)):
            await turn.session.append(added)
            return
        response = Response(
            thread=turn.claim.thread,
            time=self._clock(),
            id=name,
            asked=turn.plan.end.chain,
            of=end.chain,
            head=turn.plan.head,
            stored=call.stores,
            body=received.response if call.stores else None,
        )
        pointer = Pointer(
            session=key.name,
            thread=response.thread,
            asked=response.asked,
            of=response.of,
            head=response.head,
            stored=response.stored,
            pending=pending,
        )
        said = [message for message in (received.message, *received.further) if message]
        items = [name for message in said for name in ids(message)] if call.stores else []
        await asyncio.gather(
            turn.session.append([*added, response]),
            self._pointers.add(key.tenant, name, pointer, items),
        )

    def _learn(self, turn: OpenTurn, received: Received) -> Calibration:
        """What the provider counted, beside what we had estimated of what it was sent."""
        known, reported = turn.plan.calibration, received.reported
        if reported is None or turn.terms.held or turn.incoming.mode == "observe":
            return known
        learnt = known.observe(estimated=turn.plan.tokens, reported=reported)
        self._calibrations[turn.call.model] = learnt
        if len(self._calibrations) > _MOST_MODELS:
            del self._calibrations[next(iter(self._calibrations))]
        return learnt


def _answers(turn: OpenTurn, received: Received) -> tuple[Sequence[Item], Sequence[Item]]:
    if received.message is None:
        return (), ()
    read = turn.dialect.read_answer
    try:
        said = [read(message) for message in (received.message, *received.further)]
        return said, [read(message) for message in received.others]
    except Unreadable as error:
        log.warning("an answer was not remembered: %s", error)
        return (), ()
