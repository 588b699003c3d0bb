"""`stitcher sessions cache`: what the provider's prompt cache did for a session, and why not more.

Reads what each turn's line says: the usage that was reported, and what had been foreseen.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stitcher.cli.console import Column, counted, moment, say, table
from stitcher.core.log import Turn
from stitcher.messages.unreadable import Unreadable
from stitcher.providers.prices import cost, price
from stitcher.providers.usage import CacheUsage, cache_usage
from stitcher.wire import entries
from stitcher.wire.dialects import read_item

_TURN_LINES = (b'{"type":"turn"', b'{"type": "turn"')


@dataclass(frozen=True, slots=True)
class Row:
    """One request whose usage the provider reported. Input tokens; USD for these."""

    time: float
    thread: str
    model: str
    read: int
    written: int
    plain: int
    foreseen: int  # tokens expected to be read
    cause: str  # why not more
    usd: float | None  # None for a model whose price is not known
    usd_without: float | None  # had nothing been cached

    @property
    def tokens(self) -> int:
        return self.read + self.written + self.plain


def rows(lines: Iterable[bytes]) -> list[Row]:
    """The answered requests of a log, oldest first."""
    found = (_row(line) for line in lines if line.startswith(_TURN_LINES))
    return [row for row in found if row is not None]


def _row(line: bytes) -> Row | None:
    try:
        turn = entries.decode(line, read_item)
    except Unreadable:
        return None
    if not isinstance(turn, Turn) or turn.usage is None:
        return None
    reported = json.loads(turn.usage)
    used = cache_usage(reported) if isinstance(reported, dict) else None
    if used is None:
        return None
    listed = price(turn.model, turn.time)
    uncached = CacheUsage(0, 0, used.read + used.written + used.plain)
    return Row(
        turn.time,
        turn.thread,
        turn.model,
        used.read,
        used.written,
        used.plain,
        turn.cache.predicted,
        turn.cache.cause,
        usd=None if listed is None else cost(used, 0, listed),
        usd_without=None if listed is None else cost(uncached, 0, listed),
    )


def summary(found: Sequence[Row]) -> dict[str, Any]:
    """All of it together: tokens, the share that was read, USD, and how often each cause."""
    tokens, read = sum(row.tokens for row in found), sum(row.read for row in found)
    known = [row for row in found if row.usd is not None and row.usd_without is not None]
    causes = [row.cause for row in found if row.cause]
    return {
        "requests": len(found),
        "tokens": tokens,
        "read": read,
        "written": sum(row.written for row in found),
        "plain": sum(row.plain for row in found),
        "share_read": read / tokens if tokens else 0.0,
        "usd": sum(row.usd or 0.0 for row in known) if known else None,
        "usd_without": sum(row.usd_without or 0.0 for row in known) if known else None,
        "causes": {cause: causes.count(cause) for cause in sorted(set(causes))},
    }


def as_json(found: Sequence[Row]) -> dict[str, Any]:
    """The summary, and every request."""
    return {**summary(found), "each": [asdict(row) for row in found]}


def print_report(name: str, found: Sequence[Row]) -> None:
    """A line for each request, and what it comes to."""
    if not found:
        say(f"No provider has reported the use of its cache in {name!r} yet.")
        return
    several = len({row.thread for row in found}) > 1
    columns = [Column("time"), *([Column("thread")] if several else []), Column("model")]
    columns += [Column(one, right=True) for one in ("tokens", "read", "written", "plain")]
    columns += [Column("foreseen", right=True), Column("why not more")]
    table(columns, [_cells(row, several=several) for row in found])
    for line in _closing(summary(found)):
        say(line)


def _cells(row: Row, *, several: bool) -> list[str]:
    numbers = (row.tokens, row.read, row.written, row.plain, row.foreseen)
    thread = [row.thread] if several else []
    return [moment(row.time), *thread, row.model, *(f"{one:,}" for one in numbers), row.cause]


def _closing(total: dict[str, Any]) -> list[str]:
    requests, share = counted(total["requests"], "request"), total["share_read"]
    lines = [f"{requests}: {share:.1%} of {total['tokens']:,} input tokens read from the cache."]
    if total["usd"] is not None and total["usd_without"]:
        saved = 1 - total["usd"] / total["usd_without"]
        lines.append(
            f"Input cost {total['usd']:.4f} USD; without a cache it would have been"
            f" {total['usd_without']:.4f} ({saved:+.0%} saved), at list prices."
        )
    if total["causes"]:
        told = ", ".join(f"{cause} ({times})" for cause, times in total["causes"].items())
        lines.append(f"Not all was read that could have been: {told}.")
    return lines
