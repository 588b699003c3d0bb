"""Keeps what idle conversations have in the provider's cache, by reading it before it expires.

The one owner of all timers: one a thread, which a new request of the thread ends. While a timer
runs, and no longer, the last request is held in memory, its headers and credentials with it;
nothing of that is logged or written. What was spent is counted in this process: a new one holds
nobody's credentials, and so sends nothing before it is asked something.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from stitcher.core.entry import Refreshed
from stitcher.core.keep_alive import Spending, Stake, at_stake, due, expires
from stitcher.core.ledger import Held
from stitcher.errors import StoreError, UpstreamError
from stitcher.listening import Listener
from stitcher.ports import Incoming, Upstream
from stitcher.providers.caching import cache_rules
from stitcher.providers.prices import cost, price
from stitcher.providers.usage import CacheUsage, cache_usage
from stitcher.sessions import Sessions
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.turns import OpenTurn
from stitcher.wire.dialect import Dialect
from stitcher.wire.values import decoded

log = logging.getLogger("stitcher.keeping_warm")

Sleep = Callable[[float], Awaitable[object]]

_LARGE_BODY: Final = 1 << 17  # is taken apart beside the event loop
_MOST_BYTES: Final = 256 << 20  # of requests held: what goes beyond is not kept warm
_MOST_MODELS: Final = 256  # without a price that are named in the log: a client may name any


@dataclass(slots=True)
class _Kept:
    """What one thread has in the provider's cache, and the request that reads it."""

    key: SessionKey
    thread: str
    model: str
    dialect: Dialect
    incoming: Incoming  # with the client's own headers; its body is let go of
    body: bytes
    held: tuple[Held, ...]  # newest first
    keys: frozenset[str]  # of those that the request marks, and so renews
    usage: CacheUsage  # of the last request, as the provider counted it
    spent: float = 0.0  # USD, in this gap between two requests

    @property
    def newest(self) -> Held:
        return self.held[0]

    def stake(self, now: float) -> Stake | None:
        """None where a price is not known."""
        paid = price(self.model, now)
        if paid is None:
            return None
        cached = self.usage.read + self.usage.written
        plain = self.usage.plain
        shortest = cache_rules(self.model).lifetimes[0].seconds
        lost = min(cached, at_stake(self.held))
        long = lost if self.newest.lifetime > shortest else 0
        ping = cost(CacheUsage(cached, 0, plain), 0, paid)
        gone = cost(CacheUsage(cached - lost, lost, plain, written_long=long), 0, paid)
        return Stake(ping, gone - ping)


@dataclass(slots=True)
class _Session:
    """One session's threads."""

    pings: int = 0  # since its last request
    busy: Counter[str] = field(default_factory=Counter)  # requests under way, by thread
    timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)


class WarmKeeper:
    """Keeps conversations warm for as long as that is cheaper than to write them again."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        upstream: Upstream,
        *,
        clock: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._upstream = upstream
        self._clock = clock
        self._sleep = sleep
        self._open: dict[SessionKey, _Session] = {}
        self._running: set[asyncio.Task[None]] = set()  # also those that were told to end
        self._bytes = 0
        self._spending = Spending()
        self._unpriced: set[str] = set()

    @contextmanager
    def paused(self, key: SessionKey, thread: str) -> Iterator[None]:
        """While entered a request of the thread is under way, and nothing else is sent for it."""
        session = self._open.setdefault(key, _Session())
        session.pings = 0
        session.busy[thread] += 1
        _stop(session, thread)
        try:
            yield
        finally:
            session.busy[thread] -= 1
            self._let_go(key, session)

    async def keep(self, turn: OpenTurn) -> None:
        """Begins to keep what a turn has left in the cache, as far as the provider has said it."""
        if not self._settings.keep_alive or turn.incoming.mode != "stitch":
            return
        try:
            kept = await _kept(turn)
        except Exception as error:  # noqa: BLE001 - the edge: the client has had its answer
            log.warning("a conversation is not kept warm: %s", type(error).__name__)
            return
        if kept is None or not _is_last(turn) or not self._may_ping(kept):
            return
        session = self._open.get(kept.key, _Session())
        if session.busy[kept.thread] or self._bytes + len(kept.body) > _MOST_BYTES:
            return
        self._open[kept.key] = session
        _stop(session, kept.thread)
        self._bytes += len(kept.body)
        timer = asyncio.ensure_future(self._keep(kept))
        self._running.add(timer)
        session.timers[kept.thread] = timer
        timer.add_done_callback(lambda ended: self._ended(kept, session, ended))

    def forget(self, key: SessionKey) -> None:
        """Nothing is kept any more of a session that is gone."""
        session = self._open.get(key, _Session())
        for thread in list(session.timers):
            _stop(session, thread)

    def stats(self) -> Mapping[str, object]:
        """What was done today, in UTC, by this process."""
        today = self._spending.at(self._clock())
        limit = self._settings.keep_alive_usd
        return {"pings": today.pings, "usd": round(today.usd, 6), "limit": limit}

    async def close(self) -> None:
        """Ends all timers, and waits until they have ended."""
        for timer in self._running:
            timer.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    # ── one thread ───────────────────────────────────────────────────────────────────────

    async def _keep(self, kept: _Kept) -> None:
        """Reads it again and again, for as long as that pays and is allowed."""
        try:
            while self._may_ping(kept):
                await self._sleep(max(0.0, due(kept.newest) - self._clock()))
                # The machine may have slept: what has expired would be written, not read.
                if not self._may_ping(kept) or not await self._ping(kept):
                    return
        except (UpstreamError, StoreError) as error:
            log.info("a conversation is not kept warm any more: %s", error)
        except Exception as error:  # noqa: BLE001 - the edge: nobody waits for a timer
            log.warning("a conversation is not kept warm any more: %s", type(error).__name__)

    def _may_ping(self, kept: _Kept) -> bool:
        now = self._clock()
        stake = kept.stake(now)
        if stake is None:
            self._say_unpriced(kept.model)
            return False
        session = self._open.get(kept.key)
        done = session.pings if session else 0
        today = self._spending.at(now)
        return (
            now < expires(kept.newest)
            and stake.pays(kept.spent)
            and done < self._settings.keep_alive_pings
            and today.affords(stake.ping, limit=self._settings.keep_alive_usd)
        )

    async def _ping(self, kept: _Kept) -> bool:
        """One request. False where nothing is left to keep."""
        now = self._clock()
        stake, paid = kept.stake(now), price(kept.model, now)
        assert stake is not None
        assert paid is not None
        self._open[kept.key].pings += 1
        # Counted before it leaves: what is broken off may have been charged.
        self._pay(kept, stake.ping, pings=1)
        usage = await self._read_again(kept)
        found = decoded(usage)
        counted = cache_usage(found) if isinstance(found, dict) else None
        keys: tuple[str, ...] = ()
        lost = False
        if counted is not None:
            self._pay(kept, cost(counted, 0, paid) - stake.ping)
            lost = not counted.read or counted.written > 0
            # The one that finds it gone writes it.
            if counted.read or counted.written:
                keys = tuple(e.key for e in kept.held if e.key in kept.keys)
        kept.held = tuple(replace(e, used=now) if e.key in keys else e for e in kept.held)
        async with self._sessions.use(kept.key) as session, session.changing:
            cause = "lost" if lost else ""
            await session.append([Refreshed(kept.thread, now, keys, usage, cause)])
        return counted is not None and not lost

    async def _read_again(self, kept: _Kept) -> bytes | None:
        """The usage that the provider reports. Raises UpstreamError where it gives no answer."""
        fold = Listener(kept.dialect.fold(stream=False, hide_usage=False))
        async with self._upstream.send(kept.incoming, kept.body) as answer:
            if answer.status >= 400:
                raise UpstreamError(f"the provider answered {answer.status}")
            async for chunk in answer.chunks():
                fold.feed(chunk)
        fold.close()
        return fold.received().usage

    def _pay(self, kept: _Kept, usd: float, *, pings: int = 0) -> None:
        kept.spent += usd
        self._spending = self._spending.at(self._clock()).plus(usd, pings=pings)

    def _say_unpriced(self, model: str) -> None:
        if model not in self._unpriced and len(self._unpriced) < _MOST_MODELS:
            self._unpriced.add(model)
            log.warning("%.100r is not kept alive: its price is not known", model)

    def _ended(self, kept: _Kept, session: _Session, timer: asyncio.Task[None]) -> None:
        self._running.discard(timer)
        self._bytes -= len(kept.body)
        if session.timers.get(kept.thread) is timer:
            del session.timers[kept.thread]
        self._let_go(kept.key, session)

    def _let_go(self, key: SessionKey, session: _Session) -> None:
        if not session.timers and not session.busy.total() and self._open.get(key) is session:
            del self._open[key]


async def _kept(turn: OpenTurn) -> _Kept | None:
    """What there is to keep after a turn; None for nothing, or where no request would keep it."""
    ended, made = turn.outcome, turn.plan
    if ended is None:
        return None
    told = decoded(ended.usage)
    usage = cache_usage(told) if isinstance(told, dict) else None
    held = ended.cache.held
    if usage is None or not held or held[0].key != made.forecast.written_upto:
        return None
    # OpenAI's `prewarm` is billed as a write: it costs what it would avoid.
    if cache_rules(ended.model).keep_alive != "max_tokens=0":
        return None
    ping = turn.dialect.ping
    large = len(made.body) >= _LARGE_BODY
    body = await asyncio.to_thread(ping, made.body) if large else ping(made.body)
    if body is None:
        return None
    found = made.forecast.finding
    return _Kept(
        key=turn.session.key,
        thread=turn.claim.thread,
        model=ended.model,
        dialect=turn.dialect,
        incoming=_without_body(turn.incoming),
        body=body,
        held=held,
        keys=frozenset(
            e.key for e in made.forecast.ends if e.lifetime and e.tokens >= found.minimum
        ),
        usage=usage,
    )


def _without_body(incoming: Incoming) -> Incoming:
    """As the client sent it, but for what is true of its own body only."""
    headers = [each for each in incoming.headers if each[0].lower() != "idempotency-key"]
    return replace(incoming, headers=headers, body=b"", decoded=b"", channel=None)


def _is_last(turn: OpenTurn) -> bool:
    """True while nothing newer is known of the thread, which is still there."""
    newest = turn.session.tree.turns.get(turn.claim.thread)
    return newest is turn.outcome and turn.session.purges == turn.purges


def _stop(session: _Session, thread: str) -> None:
    if (timer := session.timers.pop(thread, None)) is not None:
        timer.cancel()
