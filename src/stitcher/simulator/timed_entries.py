"""Cache entries with a lifetime: seen from a moment on, kept alive by use.

Knows nothing of prompts.
"""

from dataclasses import dataclass

from stitcher.simulator.reading import Mark

_SWEEP_EVERY = 4096


@dataclass(slots=True)
class Entry:
    ttl: float
    visible_at: float
    expires: float

    def live(self, now: float) -> bool:
        return self.visible_at <= now < self.expires

    def use(self, start: float) -> None:
        """A lifetime counts from the start of the request that used the entry last."""
        self.expires = max(self.expires, start + self.ttl)


class Entries:
    """Entries by scope and prefix."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, bytes], Entry] = {}
        self._writes = 0

    def live(self, scope: str, hash_: bytes, now: float) -> Entry | None:
        entry = self._entries.get((scope, hash_))
        return entry if entry is not None and entry.live(now) else None

    def write(
        self, scope: str, mark: Mark, start: float, now: float, *, upgrade: bool = False
    ) -> None:
        """An entry seen from `now` on; one that is there already lives on as if it was read.

        It keeps its own lifetime unless the longer one is paid for or `upgrade` says so.
        """
        entry = self.live(scope, mark.hash, now)
        if entry is None:
            self._entries[scope, mark.hash] = Entry(mark.ttl, now, start + mark.ttl)
        else:
            if mark.paid or upgrade:
                entry.ttl = max(entry.ttl, mark.ttl)
            entry.use(start)
        self._writes += 1
        if self._writes % _SWEEP_EVERY == 0:
            self._entries = {k: e for k, e in self._entries.items() if now < e.expires}
