"""The story of one request. The only module that knows all of it.

    parse → whose conversation → what is new → what is sent → durable → upstream → client → durable

If our part fails, the client's request goes on as it came, and a response header says why.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from stitcher.conversations import Conversations
from stitcher.core.item import ROOT, digest
from stitcher.core.log import Entry, Tree
from stitcher.core.threads import MAIN, Claim, Marks, claim
from stitcher.errors import StoreError, UpstreamError
from stitcher.keeping_warm import Sleep, WarmKeeper
from stitcher.listening import Listener, is_stream, read_error
from stitcher.locating import NOWHERE, Elsewhere, Located, Locator, placed
from stitcher.messages.unreadable import Unreadable
from stitcher.planning import Plan, plan
from stitcher.ports import Answer, ClientGone, Incoming, Reply, Upstream
from stitcher.recording import Stamp, give_way, leave_thinking, returns_to
from stitcher.refused import USAGE_OPTIONS, Refused, without
from stitcher.responses_api.conversation_objects import ConversationObjects
from stitcher.responses_api.pointers import Pointers
from stitcher.responses_api.references import References
from stitcher.responses_api.refusal import Refusal, no_referred_item
from stitcher.sessions import Session, Sessions
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey, Store
from stitcher.terms import After, Terms
from stitcher.turns import Endings, OpenTurn
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect, Fold
from stitcher.wire.dialects import DIALECTS

log = logging.getLogger("stitcher.exchange")


# Above these, others would notice the wait: reading and planning leave the event loop.
_LARGE_BODY = 1 << 17
_MANY_MESSAGES = 1_000


class Exchange:
    """Answers dialect requests with memory."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        upstream: Upstream,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._store = store
        self._upstream = upstream
        self._clock = clock
        self._sessions = Sessions(store)
        self._conversations = Conversations(self._sessions)
        self._pointers = Pointers(store)
        objects = ConversationObjects(self._sessions, store)
        self._locator = Locator(settings, self._pointers, objects)
        self._references = References(self._sessions, self._pointers, store)
        self._warm = WarmKeeper(settings, self._sessions, upstream, clock=clock, sleep=sleep)
        self._endings = Endings(self._conversations, self._pointers, clock)
        self._refused = Refused()
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
                told, call = await self._resolve(incoming, call)
                turn = await self._begin(told, call, dialect, stack)
            except Elsewhere as elsewhere:
                await self._pass_on(incoming, reply, f"bypass; {elsewhere}")
                return
            except Refusal as refusal:
                await _refuse(refusal, reply)
                return
            except StoreError as error:
                log.warning("not remembered: %s", error)
                await self._pass_on(incoming, reply, f"bypass; {error}")
                return
            await self._speak(turn, reply)
        await self._warm.keep(turn)

    @property
    def sessions(self) -> Sessions:
        """The sessions in use."""
        return self._sessions

    @property
    def pointers(self) -> Pointers:
        """Where responses are found by their ids."""
        return self._pointers

    async def stats(self, tenant: str) -> Mapping[str, object]:
        """Counts that cost little to make."""
        kept = {"keep_alive": self._warm.stats()} if self._settings.keep_alive else {}
        return {
            **kept,
            **await asyncio.to_thread(self._sessions.counts, tenant),
            "requests": self._requests,
            "mode": self._settings.mode,
            "max_tokens": self._settings.max_tokens,
        }

    async def purge(self, key: SessionKey) -> bool:
        """Removes a session for good; False when there was none."""
        found = await self._sessions.purge(key)
        self._warm.forget(key)
        return found

    async def close(self) -> None:
        """Waits for what is being written."""
        await self._warm.close()
        await self._store.close()

    # ── before the request leaves ────────────────────────────────────────────────────────

    async def _begin(
        self, incoming: Incoming, call: Call, dialect: Dialect, stack: AsyncExitStack
    ) -> OpenTurn:
        answers = incoming.mode == "stitch"
        located = await self._locator.locate(incoming.tenant, call, answers=answers)
        claimed = placed(claim(_marks(incoming, call), call.items, name=incoming.session), located)
        if located is NOWHERE:
            key = await self._conversations.find(incoming.tenant, claimed, call, dialect)
        else:
            key = SessionKey(incoming.tenant, claimed.session)
        session = await stack.enter_async_context(self._sessions.use(key))
        stack.enter_context(self._warm.paused(key, claimed.thread))
        if located.conversation or _is_thin(claimed, call):
            # What such a request means depends on the answer before it: one after the other.
            await stack.enter_async_context(session.answering)
        terms = self._terms(incoming, call, claimed, located)
        own = f"{key.tenant}\0{key.name}\0{claimed.thread}"
        terms = self._refused.allowed(replace(terms, cache_key=digest(own.encode())), call.model)
        made = await self._write_down(session, call, dialect, terms)
        asks = not call.asks_usage and self._settings.ask_usage
        asks = asks and incoming.mode == "stitch"
        asks = asks and self._refused.takes(call.model, USAGE_OPTIONS)
        return OpenTurn(
            incoming,
            call,
            dialect,
            claimed,
            session,
            terms,
            plan=made,
            purges=session.purges,
            base=returns_to(made.alignment),
            asks_usage=asks,
        )

    async def _resolve(self, incoming: Incoming, call: Call) -> tuple[Incoming, Call]:
        """With the items themselves where their ids are given, unless the API keeps them.

        Raises Refusal and StoreError.
        """
        if incoming.mode != "stitch" or self._settings.responses_state != "local":
            return incoming, call
        told, call = await self._references.resolve(incoming, call)
        unknown = self._references.left(call)
        if unknown and self._settings.tenancy == "key":
            # Perhaps another tenant's, whom the provider may not tell from this one.
            raise no_referred_item(unknown[0])
        return told, call

    def _terms(self, incoming: Incoming, call: Call, claimed: Claim, located: Located) -> Terms:
        placed = located is not NOWHERE
        channel = incoming.channel
        held = self._settings.responses_state == "upstream" or incoming.mode == "observe"
        if channel is not None and call.after is not None:
            held = held or channel.holds(call.after)
        return Terms(
            thread=claimed.thread,
            now=self._clock(),
            max_tokens=self._settings.max_tokens,
            keep=self._settings.keep,
            owns_history=claimed.kind != "named" and not placed,
            # What a client sends itself it cuts itself; an agent also what it has put back.
            may_cut=not claimed.owns_history or (placed and claimed.kind != "agent"),
            calibration=self._endings.calibration(call.model),
            aside=claimed.owns_history and claimed.thread != MAIN and not placed,
            after=located.after,
            appends=located.conversation,
            cut=self._settings.cut,
            breakpoints=self._settings.breakpoints,
            held=held and placed,
        )

    async def _write_down(
        self, session: Session, call: Call, dialect: Dialect, terms: Terms
    ) -> Plan:
        async with session.changing:
            if terms.after is not None and not await session.answer(partial(_holds, terms.after)):
                # Purged: what is there now is another conversation of that name.
                raise Elsewhere("the response it follows was purged")
            made = await session.answer(
                lambda tree, whole: plan(tree, call, dialect, replace(terms, exhausted=whole)),
                takes_long=max(len(call.items), len(session.tree.nodes)) > _MANY_MESSAGES,
            )
            await session.append(made.entries)
        return made

    # ── upstream and back ────────────────────────────────────────────────────────────────

    async def _speak(self, turn: OpenTurn, reply: Reply) -> None:
        try:
            async with self._way(turn.incoming).send(turn.incoming, turn.body) as answer:
                if answer.status < 400:
                    await self._relay(turn, answer, reply)
                    return
                refusal = await read_error(answer)
                again = await self._second_try(turn, answer.status, refusal)
                if not again:
                    await self._endings.fail(turn, answer.status)
                    headers = [*answer.headers, *turn.headers]
                    await reply.start(answer.status, headers, length=len(refusal))
                    await reply.write(refusal)
                    await reply.finish()
                    return
        except UpstreamError as error:
            if not reply.started:
                await self._endings.fail(turn, error.status)
            raise
        except (ClientGone, asyncio.CancelledError):
            if not turn.remembered:
                await asyncio.shield(self._endings.fail(turn, 499))
            raise
        await self._speak(turn, reply)

    async def _second_try(self, turn: OpenTurn, status: int, refusal: bytes) -> bool:
        """True when the refusal was about something we did and is undone now."""
        model = turn.call.model
        member = self._refused.learn(model, turn.added, status=status, refusal=refusal)
        if member == USAGE_OPTIONS:
            turn.asks_usage = False
            return True
        if turn.session.purges != turn.purges or turn.incoming.mode != "stitch":
            return False
        if member:
            return await self._plan_again(turn, without(turn.terms, member))
        if turn.terms.held and self._settings.responses_state == "local":
            # Its connection was made anew meanwhile: what it held is put back instead.
            lost = b"previous_response_not_found" in refusal
            return lost and await self._plan_again(turn, replace(turn.terms, held=False))
        too_long = turn.dialect.too_long(status, refusal)
        if status in (400, 422) and not too_long:
            own = partial(give_way, alignment=turn.plan.alignment)
            if await self._settle(turn, own):
                return True
        if not turn.plan.restored:
            return False
        if turn.dialect.cannot_read_thinking(status, refusal):
            turn.forgets = status == 404
            base, restored = turn.plan.alignment.base, turn.plan.restored
            silent = partial(leave_thinking, base=base, restored=restored, dialect=turn.dialect)
            return await self._settle(turn, silent)
        if turn.cut_harder or not turn.terms.may_cut or not too_long:
            return False
        turn.cut_harder = True
        # The model's window is smaller than the budget: cut harder, once, to half of what was sent.
        calibrated, before = turn.plan.calibration, turn.plan.restored
        half = calibrated.apply(turn.plan.tokens) // 2
        harder = replace(turn.terms, max_tokens=half, now=self._clock(), calibration=calibrated)
        return await self._plan_again(turn, harder) and turn.plan.restored < before

    async def _settle(
        self, turn: OpenTurn, other_bytes: Callable[[Tree, Stamp], Sequence[Entry]]
    ) -> bool:
        """True when there is another plan: from now on other bytes go out for what is refused."""
        try:
            async with turn.session.changing:
                settled = other_bytes(turn.session.tree, Stamp(turn.terms.thread, self._clock()))
                await turn.session.append(settled)
        except StoreError as error:
            log.warning("not planned again: %s", error)
            return False
        return bool(settled) and await self._plan_again(turn, turn.terms)

    async def _plan_again(self, turn: OpenTurn, terms: Terms) -> bool:
        """True when there is another plan."""
        try:
            made = await self._write_down(turn.session, turn.call, turn.dialect, terms)
        except (StoreError, Elsewhere) as error:
            log.warning("not planned again: %s", error)
            return False
        turn.plan = replace(made, head_before=turn.plan.head_before)
        turn.terms = terms
        return True

    def _way(self, incoming: Incoming) -> Upstream:
        """A connection that lasts has a way up of its own, where the provider may know things."""
        return incoming.channel or self._upstream

    async def _relay(self, turn: OpenTurn, answer: Answer, reply: Reply) -> None:
        stream = is_stream(answer)
        fold = Listener(turn.dialect.fold(stream=stream, hide_usage=turn.asks_usage))
        headers = [*answer.headers, *turn.headers]
        try:
            if stream:
                await reply.start(answer.status, headers)
                async for chunk in answer.chunks():
                    await self._pass_chunks(turn, fold, fold.feed(chunk), reply)
                await self._pass_chunks(turn, fold, fold.close(), reply)
                await self._endings.remember(turn, fold.received(), answer.status)
            else:
                async for chunk in answer.chunks():
                    fold.feed(chunk)
                body = b"".join(fold.close())
                await self._endings.remember(turn, fold.received(), answer.status)
                await reply.start(answer.status, headers, length=len(body))
                await reply.write(body)
            await reply.finish()
        except (ClientGone, UpstreamError, asyncio.CancelledError):
            await asyncio.shield(self._endings.remember(turn, fold.received(), answer.status))
            raise

    async def _pass_chunks(
        self, turn: OpenTurn, fold: Fold, chunks: list[bytes], reply: Reply
    ) -> None:
        if fold.ended:  # in the log before the client can see the end of it
            await self._endings.remember(turn, fold.received(), 200)
        for chunk in chunks:
            await reply.write(chunk)

    async def _pass_on(self, incoming: Incoming, reply: Reply, status: str) -> None:
        """The request as it came, the answer as it comes."""
        added = [("X-Stitcher-Status", status)]
        async with self._way(incoming).send(incoming, incoming.body) as answer:
            await reply.start(answer.status, [*answer.headers, *added])
            async for chunk in answer.chunks():
                await reply.write(chunk)
            await reply.finish()


def _holds(after: After, tree: Tree, whole: bool) -> bool | None:
    """True where the place stands in the log; None where the log has to be read further back."""
    if after.chain == ROOT or after.chain in tree.nodes:
        return True
    return False if whole else None


def _is_thin(claimed: Claim, call: Call) -> bool:
    return claimed.kind == "named" and not any(item.role == "assistant" for item in call.items)


async def _refuse(refusal: Refusal, reply: Reply) -> None:
    """In the words and the shape of the provider's API."""
    body = json.dumps(refusal.document).encode()
    headers = [("Content-Type", "application/json"), ("X-Stitcher-Status", "refused")]
    await reply.start(refusal.status, headers, length=len(body))
    await reply.write(body)
    await reply.finish()


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
