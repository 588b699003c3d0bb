"""The story of one request. The only module that knows all of it.

    parse → whose conversation → what is new → what is sent → durable → upstream → client → durable

If our part fails, the client's request goes on as it came, and a response header says why.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial

from stitcher.conversations import Conversations
from stitcher.core.item import Item
from stitcher.core.log import Turn, TurnStatus
from stitcher.core.threads import MAIN, Claim, Marks, claim
from stitcher.core.tokens import Calibration
from stitcher.errors import StoreError, UpstreamError
from stitcher.listening import Listener, is_stream, read_error
from stitcher.planning import Plan, Terms, plan
from stitcher.ports import Answer, ClientGone, Headers, Incoming, Reply, Upstream
from stitcher.recording import record_answers, returns_to
from stitcher.sessions import Session, Sessions
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey, Store
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect, Fold, Received
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.members import Unreadable

log = logging.getLogger("stitcher.exchange")


# Above these, others would notice the wait: reading and planning leave the event loop.
_LARGE_BODY = 1 << 19
_MANY_MESSAGES = 1_000


@dataclass(slots=True)
class _Turn:
    """One request on its way."""

    incoming: Incoming
    call: Call
    dialect: Dialect
    claim: Claim
    session: Session
    plan: Plan
    purges: int  # of the session until now
    base: str  # where the path goes back to if there is no answer
    asks_usage: bool = False  # we asked for a usage report the client did not ask for
    cut_harder: bool = False
    remembered: bool = False

    @property
    def body(self) -> bytes:
        if self.incoming.mode == "observe":
            return self.incoming.body
        body = self.plan.body
        if self.asks_usage:
            return self.dialect.ask_usage(body)
        # The very object we were given goes out with the encoding it came in.
        return self.incoming.body if body is self.call.body else body

    @property
    def stitched(self) -> bool:
        return not self.plan.untouched and self.incoming.mode == "stitch"


class Exchange:
    """Answers dialect requests with memory."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        upstream: Upstream,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._store = store
        self._upstream = upstream
        self._clock = clock
        self._sessions = Sessions(store)
        self._conversations = Conversations(self._sessions)
        self._calibrations: dict[str, Calibration] = {}
        self._refuses_usage: set[str] = set()  # models whose server rejects stream_options
        self._requests = 0

    async def converse(self, incoming: Incoming, reply: Reply) -> None:
        """Answers one request; streams to `reply`.

        Raises UpstreamError when there is no answer, ClientGone or CancelledError when there is
        nobody to answer: what arrived until then is in the log.
        """
        self._requests += 1
        dialect = DIALECTS[incoming.dialect]
        try:
            call = await _read(incoming, dialect)
        except Unreadable as unreadable:
            await self._pass_on(incoming, reply, f"bypass; {unreadable}")
            return
        async with AsyncExitStack() as stack:
            try:
                turn = await self._begin(incoming, call, dialect, stack)
            except StoreError as error:
                log.warning("not remembered: %s", error)
                await self._pass_on(incoming, reply, f"bypass; {error}")
                return
            await self._speak(turn, reply)

    async def stats(self, tenant: str) -> Mapping[str, object]:
        """Counts that cost little to make."""
        return {
            **await asyncio.to_thread(self._sessions.counts, tenant),
            "requests": self._requests,
            "mode": self._settings.mode,
            "max_tokens": self._settings.max_tokens,
        }

    async def purge(self, key: SessionKey) -> bool:
        """Removes a session for good; False when there was none."""
        return await self._sessions.purge(key)

    async def close(self) -> None:
        """Waits for what is being written."""
        await self._store.close()

    # ── before the request leaves ────────────────────────────────────────────────────────

    async def _begin(
        self, incoming: Incoming, call: Call, dialect: Dialect, stack: AsyncExitStack
    ) -> _Turn:
        claimed = claim(_marks(incoming, call), call.items, name=incoming.session)
        if claimed.kind == "named" and incoming.dialect != "openai_chat":
            # One dialect's messages are not another's: under one name each keeps its own thread.
            claimed = replace(claimed, thread=f"{claimed.thread}/{incoming.dialect}")
        key = await self._conversations.find(incoming.tenant, claimed, call, dialect)
        session = await stack.enter_async_context(self._sessions.use(key))
        if claimed.kind == "named" and not any(i.role == "assistant" for i in call.items):
            # What a thin request means depends on the answer before it: one after the other.
            await stack.enter_async_context(session.answering)
        terms = Terms(
            thread=claimed.thread,
            now=self._clock(),
            max_tokens=self._settings.max_tokens,
            keep=self._settings.keep,
            owns_history=claimed.kind != "named",
            may_cut=not claimed.owns_history,
            calibration=self._calibrations.get(call.model, Calibration()),
            aside=claimed.owns_history and claimed.thread != MAIN,
        )
        made = await self._write_down(session, call, dialect, terms)
        asks = not call.asks_usage and self._settings.ask_usage
        asks = asks and incoming.mode == "stitch" and call.model not in self._refuses_usage
        return _Turn(
            incoming,
            call,
            dialect,
            claimed,
            session,
            plan=made,
            purges=session.purges,
            base=returns_to(made.alignment),
            asks_usage=asks,
        )

    async def _write_down(
        self, session: Session, call: Call, dialect: Dialect, terms: Terms
    ) -> Plan:
        async with session.changing:
            made = await session.answer(
                lambda tree, whole: plan(tree, call, dialect, replace(terms, exhausted=whole)),
                takes_long=len(call.items) > _MANY_MESSAGES,
            )
            await session.append(made.entries)
        return made

    # ── upstream and back ────────────────────────────────────────────────────────────────

    async def _speak(self, turn: _Turn, reply: Reply) -> None:
        try:
            async with self._upstream.send(turn.incoming, turn.body) as answer:
                if answer.status < 400:
                    await self._relay(turn, answer, reply)
                    return
                refusal = await read_error(answer)
                again = await self._second_try(turn, answer.status, refusal)
                if not again:
                    await self._fail(turn, answer.status)
                    headers = [*answer.headers, *self._headers(turn)]
                    await reply.start(answer.status, headers, length=len(refusal))
                    await reply.write(refusal)
                    await reply.finish()
                    return
        except UpstreamError as error:
            if not reply.started:
                await self._fail(turn, error.status)
            raise
        except (ClientGone, asyncio.CancelledError):
            if not turn.remembered:
                await asyncio.shield(self._fail(turn, 499))
            raise
        await self._speak(turn, reply)

    async def _second_try(self, turn: _Turn, status: int, refusal: bytes) -> bool:
        """True when the refusal was about something we did and is undone now."""
        if turn.asks_usage and status in (400, 422) and b"stream_options" in refusal:
            self._refuses_usage.add(turn.call.model)
            turn.asks_usage = False
            return True
        ours = turn.stitched and turn.plan.restored and turn.session.purges == turn.purges
        if not ours or turn.cut_harder or not turn.dialect.too_long(status, refusal):
            return False
        turn.cut_harder = True
        # The model's window is smaller than the budget: cut harder, once, to half of what was sent.
        calibrated = turn.plan.calibration
        terms = Terms(
            thread=turn.claim.thread,
            now=self._clock(),
            max_tokens=calibrated.apply(turn.plan.tokens) // 2,
            keep=self._settings.keep,
            owns_history=False,
            may_cut=True,
            calibration=calibrated,
        )
        try:
            harder = await self._write_down(turn.session, turn.call, turn.dialect, terms)
        except StoreError as error:
            log.warning("not cut harder: %s", error)
            return False
        if harder.restored >= turn.plan.restored:
            return False
        turn.plan = harder
        return True

    async def _relay(self, turn: _Turn, answer: Answer, reply: Reply) -> None:
        stream = is_stream(answer)
        fold = Listener(turn.dialect.fold(stream=stream, hide_usage=turn.asks_usage))
        headers = [*answer.headers, *self._headers(turn)]
        try:
            if stream:
                await reply.start(answer.status, headers)
                async for chunk in answer.chunks():
                    await self._pass_chunks(turn, fold, fold.feed(chunk), reply)
                await self._pass_chunks(turn, fold, fold.close(), reply)
                await self._remember(turn, fold.received(), answer.status)
            else:
                async for chunk in answer.chunks():
                    fold.feed(chunk)
                body = b"".join(fold.close())
                await self._remember(turn, fold.received(), answer.status)
                await reply.start(answer.status, headers, length=len(body))
                await reply.write(body)
            await reply.finish()
        except (ClientGone, UpstreamError, asyncio.CancelledError):
            await asyncio.shield(self._remember(turn, fold.received(), answer.status))
            raise

    async def _pass_chunks(
        self, turn: _Turn, fold: Fold, chunks: list[bytes], reply: Reply
    ) -> None:
        if fold.ended:  # in the log before the client can see the end of it
            await self._remember(turn, fold.received(), 200)
        for chunk in chunks:
            await reply.write(chunk)

    async def _pass_on(self, incoming: Incoming, reply: Reply, status: str) -> None:
        """The request as it came, the answer as it comes."""
        added = [("X-Stitcher-Status", status)]
        async with self._upstream.send(incoming, incoming.body) as answer:
            await reply.start(answer.status, [*answer.headers, *added])
            async for chunk in answer.chunks():
                await reply.write(chunk)
            await reply.finish()

    # ── after the answer ─────────────────────────────────────────────────────────────────

    async def _remember(self, turn: _Turn, received: Received, http: int) -> None:
        """Writes the answer and how the turn ended; once."""
        if turn.remembered:
            return
        turn.remembered = True
        answers = self._answers(turn, received)
        status: TurnStatus = "answered" if received.complete else "cut"
        if not answers and not received.complete:
            status = "failed"
        await self._end(turn, status, http, received, answers)

    def _answers(self, turn: _Turn, received: Received) -> Sequence[Item]:
        if received.message is None:
            return ()
        try:
            said = (received.message, *received.others)
            return [turn.dialect.read_answer(message) for message in said]
        except Unreadable as error:
            log.warning("an answer was not remembered: %s", error)
            return ()

    async def _fail(self, turn: _Turn, http: int) -> None:
        """The turn got no answer: its messages go off the path until the client repeats them."""
        if turn.remembered:
            return
        turn.remembered = True
        await self._end(turn, "failed", http, Received(None, (), False, None, None))

    async def _end(
        self,
        turn: _Turn,
        status: TurnStatus,
        http: int,
        received: Received,
        answers: Sequence[Item] = (),
    ) -> None:
        """Writes down how a turn ended, where there still is a log."""
        session, asked, thread = turn.session, turn.plan.end.chain, turn.claim.thread
        if status != "answered":
            self._conversations.failed(session.key, turn.claim, asked)
        try:
            async with session.changing:
                if session.purges != turn.purges:
                    return
                learnt = self._learn(turn, received)
                tip = session.tree.tips.get(thread, asked)
                window = session.tree.windows.get(thread)
                outcome = Turn(
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
                )
                answer = partial(
                    turn.plan.end.follow,
                    thread=thread,
                    time=self._clock(),
                    cut=not received.complete,
                    head=turn.plan.head,
                )
                said = record_answers(session.tree, answers, answer)
                await session.append([*said, outcome])
        except StoreError as error:
            log.warning("how a turn ended was not remembered: %s", error)
            return
        self._conversations.answered(session.key, turn.claim, session.tree)

    def _learn(self, turn: _Turn, received: Received) -> Calibration:
        """What the provider counted, beside what we had estimated of what it was sent."""
        known, reported = turn.plan.calibration, received.reported
        if reported is None or turn.incoming.mode == "observe":
            return known
        learnt = known.observe(estimated=turn.plan.tokens, reported=reported)
        self._calibrations[turn.call.model] = learnt
        return learnt

    def _headers(self, turn: _Turn) -> Headers:
        made = turn.plan
        status = "passthrough" if made.untouched else "stitched"
        if turn.incoming.mode == "observe":
            status = f"observe; {status}"
        return [
            # Node refuses answers with more than 16 KB of headers; a name may be 10,000 emoji.
            ("X-Stitcher-Session", turn.session.key.name[:256]),
            ("X-Stitcher-Stored", str(made.end.depth)),
            ("X-Stitcher-Restored", str(made.restored)),
            ("X-Stitcher-Tokens", str(made.calibration.apply(made.tokens))),
            ("X-Stitcher-Status", status),
        ]


async def _read(incoming: Incoming, dialect: Dialect) -> Call:
    if len(incoming.decoded) < _LARGE_BODY:
        return dialect.parse(incoming.decoded)
    return await asyncio.to_thread(dialect.parse, incoming.decoded)


def _marks(incoming: Incoming, call: Call) -> Marks:
    return Marks(
        # A header may hold any bytes; a thread's name is written into the log as text.
        headers={n.lower(): v.encode("utf-8", "replace").decode() for n, v in incoming.headers},
        user_id=call.user_id,
        cache_key=call.cache_key,
        tool_names=call.tool_names,
        system_start=call.system_start,
        marks_last_message=call.marks_last_message,
    )
