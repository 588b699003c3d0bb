"""Three pictures of a workload in a cell: cost over time, tokens by request, cost by memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from statistics import fmean
from typing import Final

from stitcher.benchmark.measure import OPTIMUM, Row, Turn
from stitcher.benchmark.svg import (
    Scale,
    apart,
    document,
    element,
    group,
    label,
    polyline,
    short,
    stairs,
)

_COLOUR: Final[Mapping[str, str]] = {
    "direct": "grey",
    "naive": "orange",
    "sliding": "vermilion",
    "half": "green",
    "stitcher": "blue",
    OPTIMUM: "ink",
}
_LAYERS: Final[Sequence[tuple[str, str, Callable[[Turn], int]]]] = (
    ("read", "sky", lambda turn: turn.read),
    ("written", "orange", lambda turn: turn.written),
    ("plain", "vermilion", lambda turn: turn.plain),
)
_SIZE: Final = (760, 420)
_TOP, _LEFT, _RIGHT, _BOTTOM = 64, 60, 150, 46
_BINS: Final = 310  # the width of a panel: no request is narrower than a point
_LINE: Final = 15.0  # from one line of text to the next
_LEAVES: Final = 1.6  # times the dearest of the arms that cut by turns
_CUTTING: Final = ("half", "stitcher", OPTIMUM)


def pictures(rows: Sequence[Row]) -> dict[str, str]:
    """The pictures by file name; `rows` are the arms of one workload in one cell."""
    stem = f"{rows[0].workload}-{rows[0].cell.name}"
    return {
        f"{stem}-cost.svg": cost_over_time(rows),
        f"{stem}-tokens.svg": tokens_by_request(rows),
        f"{stem}-kept.svg": cost_by_kept(rows),
    }


def cost_over_time(rows: Sequence[Row]) -> str:
    """A line for each arm; what is far dearer than the rest leaves at the top."""
    sums = {row.arm: [0.0, *accumulate(_dollars(row, turn) for turn in row.turns)] for row in rows}
    most = _most({arm: each[-1] for arm, each in sums.items()}, leaves=_LEAVES)
    width, height = _SIZE
    x = Scale(0, len(rows[0].turns), _LEFT, width - _RIGHT)
    y = Scale(0, most, height - _BOTTOM, _TOP)
    body = [*_heading(rows, "Cost so far, USD"), *_axes(x, y, "request")]
    ends = apart(
        [y(min(each[-1], most)) for each in sums.values()], _LINE, low=_TOP, high=height - _BOTTOM
    )
    lines: list[str] = []
    for (arm, each), end in zip(sums.items(), ends, strict=True):
        points = [(x(n), y(cost)) for n, cost in _thinned(each)]
        lines.append(_path(points, arm))
        over = next(row.over_optimum for row in rows if row.arm == arm)
        says = arm if over is None or arm == OPTIMUM else f"{arm}  {over:.2f}\u00d7"
        says = f"\u2191 {says}" if each[-1] > most else says
        body.append(label(width - _RIGHT + 8, end + 4, says, _COLOUR[arm]))
    body.append(_clipped(lines, (_LEFT, _TOP, width - _LEFT - _RIGHT, height - _TOP - _BOTTOM)))
    about = _about(rows, "The cost so far after each request, one line for each arm")
    return document(_SIZE, title=_title(rows), about=about, body=body)


def tokens_by_request(rows: Sequence[Row]) -> str:
    """A panel for each arm: tokens read, written and plain, one above the other."""
    peak = {row.arm: max(turn.tokens for turn in row.turns) for row in rows}
    most = _most({arm: float(one) for arm, one in peak.items()}, leaves=1.15)
    columns = 2 if len(rows) > 1 else 1
    width = 760
    height = 84 + 150 * -(-len(rows) // columns)
    body = list(_heading(rows, "Input tokens of each request"))
    at = float(width)
    for name, colour, _ in reversed(_LAYERS):
        at -= 76
        body.append(element("rect", x=at - 14, y=17, width=10, height=10, class_=f"fill-{colour}"))
        body.append(label(at, 26, name, "dim"))
    for n, row in enumerate(rows):
        wide = (width - 20) / columns
        left, top = 20 + (n % columns) * wide, 84.0 + 150 * (n // columns)
        body += _panel(row, (left + 34, top, wide - 60, 108.0), most, peak[row.arm])
    about = _about(rows, "Tokens read, written and plain of each request, a panel for each arm")
    return document((width, height), title=_title(rows), about=about, body=body)


def cost_by_kept(rows: Sequence[Row]) -> str:
    """A point for each arm: what it costs beside the optimum, and how much it keeps."""
    kept = {row.arm: _kept(row) for row in rows}
    cost = {row.arm: row.over_optimum or 1.0 for row in rows}
    width, height = _SIZE
    x = Scale(
        0.8 * min(kept.values()),
        1.25 * max(kept.values()),
        _LEFT,
        width - _RIGHT,
        by_magnitude=True,
    )
    y = Scale(
        0.95 * min(cost.values()),
        1.1 * max(cost.values()),
        height - _BOTTOM,
        _TOP,
        by_magnitude=True,
    )
    heading = _heading(rows, "Cost over optimum, and tokens of history kept (mean)")
    body = [*heading, *_axes(x, y, "tokens kept")]
    wanted = [y(cost[row.arm]) for row in rows]
    places = apart(wanted, _LINE, low=_TOP, high=height - _BOTTOM)
    for row, at, place in zip(rows, wanted, places, strict=True):
        colour, here = _COLOUR[row.arm], x(kept[row.arm])
        body.append(element("circle", cx=here, cy=at, r=5, class_=f"fill-{colour}"))
        if abs(place - at) > 2:
            line = polyline([(here + 5, at), (here + 11, place)])
            body.append(element("path", d=line, class_=f"stroke-{colour}"))
        body.append(label(here + 13, place + 4, f"{row.arm}  {cost[row.arm]:.2f}\u00d7", colour))
    about = _about(rows, "Cost over optimum against the mean of tokens kept, a point for each arm")
    return document(_SIZE, title=_title(rows), about=about, body=body)


def _kept(row: Row) -> float:
    if row.kept is not None:
        return max(1.0, row.kept[0])
    return max(1.0, fmean(turn.kept for turn in row.turns))


def _panel(
    row: Row, area: tuple[float, float, float, float], most: float, peak: int
) -> Iterator[str]:
    left, top, width, height = area
    x = Scale(0, len(row.turns), left, left + width)
    y = Scale(0, most, top + height, top)
    over = "" if row.over_optimum is None else f"  {row.hit_ratio:.1%} read"
    yield label(left, top - 8, f"{row.arm}{over}", _COLOUR[row.arm])
    for mark in y.marks(3):
        line = polyline([(left, y(mark)), (left + width, y(mark))])
        yield element("path", d=line, class_="stroke-grid")
        yield label(left - 6, y(mark) + 4, short(mark), "dim", anchor="end", size="small")
    upto = [0] * len(row.turns)
    layers: list[str] = []
    for _, colour, count in _LAYERS:
        upto = [low + count(turn) for low, turn in zip(upto, row.turns, strict=True)]
        corners = [(x(at), y(value)) for at, value in _binned(upto, _BINS)]
        area_under = stairs(corners, (left + width, top + height))
        layers.insert(0, element("path", d=area_under, class_=f"fill-{colour}"))
    yield _clipped(layers, area)
    if peak > most:
        says = f"up to {peak:,}"
        yield label(left + width, top - 8, says, "dim", anchor="end", size="small")


def _binned(values: Sequence[int], most: int) -> Iterator[tuple[int, float]]:
    """At most so many means of neighbours, and the first request of each."""
    size = -(-len(values) // most)
    for n in range(0, len(values), size):
        yield n, fmean(values[n : n + size])


def _most(values: Mapping[str, float], *, leaves: float) -> float:
    """Where the picture ends: what leaves it is so many times above the arms that cut by turns."""
    highest = max(values.values())
    near = [value for arm, value in values.items() if arm in _CUTTING]
    return min(highest, leaves * max(near)) if near else highest


def _axes(x: Scale, y: Scale, across: str) -> Iterator[str]:
    for mark in y.marks():
        line = polyline([(x.start, y(mark)), (x.end, y(mark))])
        yield element("path", d=line, class_="stroke-grid")
        yield label(x.start - 8, y(mark) + 4, short(mark), "dim", anchor="end", size="small")
    for mark in x.marks():
        yield label(x(mark), y.start + 17, short(mark), "dim", anchor="middle", size="small")
    yield label(x.end, y.start + 35, across, "dim", anchor="end", size="small")


def _path(points: Sequence[tuple[float, float]], arm: str) -> str:
    dashes = "2 4" if arm == OPTIMUM else None
    width = 2.4 if arm == "stitcher" else 1.6
    class_ = f"stroke-{_COLOUR[arm]}"
    return element(
        "path", d=polyline(points), class_=class_, stroke_width=width, stroke_dasharray=dashes
    )


def _thinned(values: Sequence[float]) -> list[tuple[int, float]]:
    """At most about 400 points of a line, the last among them."""
    step = max(1, len(values) // 400)
    kept = list(range(0, len(values), step))
    if kept[-1] != len(values) - 1:
        kept.append(len(values) - 1)
    return [(n, values[n]) for n in kept]


def _clipped(children: Sequence[str], area: tuple[float, float, float, float]) -> str:
    x, y, width, height = area
    name = f"clip-{x:.0f}-{y:.0f}"
    inside = element("rect", x=x, y=y, width=width, height=height)
    clip = group([inside]).replace("<g>", f'<clipPath id="{name}">').replace("</g>", "</clipPath>")
    return clip + group(children, clip_path=f"url(#{name})")


def _heading(rows: Sequence[Row], says: str) -> Iterator[str]:
    yield label(20, 26, _title(rows), "ink", size="title")
    yield label(20, 45, says, "dim")


def _title(rows: Sequence[Row]) -> str:
    return f"{rows[0].workload}, {rows[0].cell.name}"


def _about(rows: Sequence[Row], says: str) -> str:
    costs = ", ".join(
        f"{row.arm} {row.over_optimum:.2f}" for row in rows if row.over_optimum is not None
    )
    return f"{says}. Cost over optimum: {costs}."


def _dollars(row: Row, turn: Turn) -> float:
    return turn.cost * row.cell.dollars / 1e6
