"""The sessions in use: the newest part of each log, folded, and one queue of writers for each.

Reads as far back as a question needs and no further, off the event loop, and keeps only the tail
in memory. Knows what an entry is and how a log is folded; knows nothing of requests.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeVar

from stitcher.core.layout import laid_after
from stitcher.core.log import Entry, Head, Node, Tree
from stitcher.messages.unreadable import Unreadable
from stitcher.store.protocol import Line, SessionKey, Store
from stitcher.wire import entries
from stitcher.wire.dialects import read_item

log = logging.getLogger("stitcher.sessions")

T = TypeVar("T")

_FIRST_READ = 64  # lines; each further read takes half as many again as were read, or as many
_IDLE_NODES = 4_096  # messages of a thread kept in memory between requests,
_IDLE_BYTES = 4 << 20  # or so many bytes of them: a window of a million tokens
_SESSIONS_IN_MEMORY = 2_000  # idle ones,
_BYTES_IN_MEMORY = 256 << 20  # or so many bytes of all their messages


async def _whole(work: Awaitable[T]) -> T:
    """Waits for work that cannot be broken off: a cancellation goes on at the next wait.

    The disk does not stop when a client hangs up. Left behind, a read would go on changing a tree
    that others use by then, and an append would be in the log but not in the tree.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    own = asyncio.current_task()
    if cancelled and own is not None:
        own.uncancel()  # that one is taken back, this one is raised where we wait next
        own.cancel()
    return task.result()


class Session:
    """One session's log, as far as it has been read."""

    def __init__(self, key: SessionKey, store: Store) -> None:
        self.key = key
        self.tree = Tree()
        self.changing = asyncio.Lock()  # held while a request is laid against the log and written
        self.answering = asyncio.Lock()  # held by a thin request until its answer is in the log
        self.users = 0
        self.purges = 0  # a turn that began before a purge is not written after it
        self._store = store
        self.weight = 0  # bytes of messages and heads held when it was last idle
        self._weighed = (0, 0)  # how many messages and heads that were
        self._covered = 0  # lines, counted from the newest, that the tree has taken in

    async def answer(
        self, question: Callable[[Tree, bool], T | None], *, takes_long: bool = False
    ) -> T:
        """Asks until the answer is not None, reading further back each time.

        The question is given the tree and whether the log has been read to its beginning; then
        it must have an answer. One that `takes_long` is asked off the event loop. Call it with
        `changing` held.
        """
        take = _FIRST_READ
        while True:
            if takes_long:
                asked = asyncio.to_thread(question, self.tree, self.tree.whole)
                found = await _whole(asked)
            else:
                found = question(self.tree, self.tree.whole)
            if found is not None:
                return found
            if self.tree.whole:
                raise AssertionError("a question that the whole log does not answer")
            await _whole(asyncio.to_thread(self._read_further, take))
            take = max(_FIRST_READ, self._covered // 2)

    async def append(self, added: Sequence[Entry]) -> None:
        """Writes entries and takes them in. Raises StoreError; then nothing has changed."""
        if not added:
            return
        await _whole(self._store.append(self.key, [entries.encode(entry) for entry in added]))
        self._covered += len(added)
        for entry in added:
            self.tree.append(entry)

    async def purge(self) -> bool:
        """Removes the log for good. False when there was none. Call it with `changing` held."""
        found = await _whole(asyncio.to_thread(self._store.purge, self.key))
        self.tree, self._covered = Tree(whole=True), 0
        self.purges += 1
        return found

    def shrink(self) -> None:
        """Lets go of what an idle session does not need: it can be read back."""
        if self._counted() == self._weighed:
            return
        kept: dict[str, Node] = {}
        for tip in self.tree.tips.values():
            room = _IDLE_BYTES
            for node in islice(self.tree.back_from(tip), _IDLE_NODES):
                room -= len(node.item.raw)
                if room < 0:
                    break
                kept[node.chain] = node
        # A question that failed stands beside the path; asked again, it must still be known.
        beside = [node for node in self.tree.nodes.values() if node.parent in kept]
        kept.update((node.chain, node) for node in beside)
        # A prompt may be another one each time: those of earlier answers are rarely gone back to.
        current = {head.digest for head in self.tree.heads.values()}
        old = [head for head in self.tree.heads_by_digest.values() if head.digest not in current]
        if 2 * len(kept) < len(self.tree.nodes) or _weight(old) > _IDLE_BYTES:
            self._keep_only(kept)
        self._weighed = self._counted()
        self.weight = sum(len(node.item.raw) for node in self.tree.nodes.values())
        self.weight += _weight(self.tree.heads_by_digest.values())

    def _counted(self) -> tuple[int, int]:
        return len(self.tree.nodes), len(self.tree.heads_by_digest)

    def _keep_only(self, kept: dict[str, Node]) -> None:
        self.tree = Tree(
            nodes=kept,
            tips=self.tree.tips,
            heads=self.tree.heads,
            heads_by_digest={head.digest: head for head in self.tree.heads.values()},
            windows=self.tree.windows,
            turns=self.tree.turns,
            conversation=self.tree.conversation,
        )
        self._covered = 0  # reading starts over; entries taken in twice change nothing

    def _read_further(self, lines: int) -> None:
        read = 0
        start = self._covered
        for line in islice(self._store.newest_first(self.key), start, start + lines):
            read += 1
            if entries.is_foreign(line.data):
                self._read_foreign()
                return
            if (entry := _entry(line)) is not None:
                self.tree.prepend(entry)
        self._covered = start + read
        if read < lines:
            self.tree.whole = True

    def _read_foreign(self) -> None:
        """A log begun by stitcher-proxy 0.1.0: its lines have their place only from the start."""
        tree = Tree(whole=True)
        covered = 0
        for line in self._store.oldest_first(self.key):
            covered += 1
            try:
                foreign = entries.is_foreign(line.data)
                entry = _adopted(line, tree) if foreign else _entry(line)
            except Unreadable as error:
                log.warning("%s: %s; the line is left out", line.place, error)
                continue
            if entry is not None:
                tree.append(entry)
        self.tree, self._covered = tree, covered


def _weight(heads: Iterable[Head]) -> int:
    return sum(len(head.system or b"") + len(head.tools or b"") for head in heads)


def _entry(line: Line) -> Entry | None:
    try:
        return entries.decode(line.data, read_item)
    except Unreadable as error:
        log.warning("%s: %s; the line is left out", line.place, error)
        return None


def _adopted(line: Line, tree: Tree) -> Entry:
    message = entries.adopt(line.data, tree.nodes.get(tree.tips.get("main", "")), read_item)
    item = message.item
    if item is None or item.role != "system" or message.depth > 1:
        return message
    before = tree.heads.get("main")
    own = (
        item.raw
        if before is None or before.system is None
        else before.system[1:-1] + b"," + item.raw
    )
    digest = item.rendering if before is None else laid_after(before.digest, item.rendering)
    return Head("main", 0.0, item.dialect, digest, b"[" + own + b"]", None)


class Sessions:
    """All sessions in use."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: OrderedDict[SessionKey, Session] = OrderedDict()
        self._weight = 0  # of all that are open, as far as they were idle

    @asynccontextmanager
    async def use(self, key: SessionKey) -> AsyncIterator[Session]:
        """The session of that name, new or not, for the time of a request."""
        session = self._open.get(key)
        if session is None:
            session = self._open[key] = Session(key, self._store)
            session.tree.whole = not self._store.exists(key)
        self._open.move_to_end(key)
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            if not session.users:
                before = session.weight
                session.shrink()
                if self._open.get(key) is session:
                    self._weight += session.weight - before
                    self._forget_idle()

    def exists(self, key: SessionKey) -> bool:
        """True for a session that has a log or is in use."""
        return key in self._open or self._store.exists(key)

    async def purge(self, key: SessionKey) -> bool:
        """Removes a session's log for good. False when there was none."""
        async with self.use(key) as session, session.changing:
            found = await session.purge()
        if not session.users:
            self._weight -= self._open.pop(key, session).weight
        return found

    def counts(self, tenant: str) -> dict[str, int]:
        """What a tenant has stored. Reads the disk: call it off the event loop."""
        infos = self._store.sessions(tenant)
        count = self._store.count_lines
        return {
            "sessions": len(infos),
            "messages": sum(count(info.key, *entries.MESSAGE_LINES) for info in infos),
            "bytes": sum(info.size for info in infos),
            "sessions_in_memory": len(self._open),
        }

    def _forget_idle(self) -> None:
        """Forgets the sessions unused for longest where there are too many, or too large ones."""
        while len(self._open) > _SESSIONS_IN_MEMORY or self._weight > _BYTES_IN_MEMORY:
            idle = (key for key, session in self._open.items() if not session.users)
            key = next(idle, None)
            if key is None:
                return
            self._weight -= self._open.pop(key).weight
