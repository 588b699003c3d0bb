"""The little of SVG that the pictures need: elements, a scale with round marks, a document.

Colours are classes, so that a picture is right on light and on dark ground. Knows nothing of what
is drawn.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

# Light and dark of each class; chosen to be told apart without colour vision (after Okabe and Ito,
# "Color Universal Design", 2008).
COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "ink": ("#1c1e21", "#e8e6e3"),
    "dim": ("#6b7075", "#9aa0a6"),
    "grid": ("#dfe2e5", "#3a3d41"),
    "grey": ("#8a8f94", "#8f959b"),
    "orange": ("#d08700", "#f0b13c"),
    "vermilion": ("#c8501e", "#f0855a"),
    "green": ("#0f8a5f", "#35c28d"),
    "blue": ("#0b62c4", "#5aa9ff"),
    "sky": ("#8fbfea", "#3d719f"),
}

_STYLE: Final = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}"
    ".title{font-size:15px;font-weight:600}.small{font-size:11px}"
)


def element(name: str, text: str = "", /, **attributes: object) -> str:
    """One element; `class_` and names with underscores are written as SVG has them."""
    named = (
        f" {key.rstrip('_').replace('_', '-')}={quoteattr(_value(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    opened = f"<{name}{''.join(named)}"
    return f"{opened}>{escape(text)}</{name}>" if text else f"{opened}/>"


def group(children: Iterable[str], **attributes: object) -> str:
    """Elements under common attributes."""
    return element("g", **attributes).removesuffix("/>") + ">" + "".join(children) + "</g>"


def label(
    x: float, y: float, text: str, colour: str = "ink", *, size: str = "", anchor: str = "start"
) -> str:
    """A line of text; `size` is "title" or "small"."""
    class_ = f"fill-{colour} {size}".strip()
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """The `d` of a path through the points."""
    return "M" + "L".join(f"{_value(x)} {_value(y)}" for x, y in points)


def stairs(corners: Sequence[tuple[float, float]], end: tuple[float, float]) -> str:
    """The `d` of an area under a stair that rises to `y` at each `x`, down to `end`."""
    steps = (f"H{_value(x)}V{_value(y)}" for x, y in corners)
    (right, ground), left = end, corners[0][0] if corners else end[0]
    return f"M{_value(left)} {_value(ground)}{''.join(steps)}H{_value(right)}V{_value(ground)}Z"


def document(size: tuple[int, int], *, title: str, about: str, body: Iterable[str]) -> str:
    """A whole picture, with its name and what it shows for those who cannot see it."""
    width, height = size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
    parts = [
        f'{head} width="{width}" height="{height}">',
        element("title", title),
        element("desc", about),
        f"<style>{_STYLE}{_classes(0)}@media(prefers-color-scheme:dark){{{_classes(1)}}}</style>",
        *body,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _classes(shade: int) -> str:
    return "".join(
        f".fill-{name}{{fill:{both[shade]}}}.stroke-{name}{{stroke:{both[shade]};fill:none}}"
        for name, both in COLOURS.items()
    )


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers onto a stretch of the picture, evenly or by their magnitude."""

    low: float
    high: float
    start: float
    end: float
    by_magnitude: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.by_magnitude:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        part = (at - low) / (high - low) if high > low else 0.0
        return self.start + part * (self.end - self.start)

    def marks(self, most: int = 5) -> list[float]:
        """Round numbers in it, at most about so many."""
        if self.by_magnitude and self.high > 4 * self.low:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [step * 10.0**n for n in decades for step in (1, 1.5, 2, 3, 5, 7)]
            inside = [one for one in found if self.low <= one <= self.high]
            return inside[:: max(1, math.ceil(len(inside) / most))]
        rough = (self.high - self.low) / most or 1.0
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(one * unit for one in (1, 2, 2.5, 5, 10) if one * unit >= rough)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def apart(wanted: Sequence[float], gap: float, *, low: float, high: float) -> list[float]:
    """Places near the wanted ones, in their order, at least `gap` apart and inside the bounds."""
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    placed: dict[int, float] = {}
    before = low - gap
    for n in order:
        before = max(wanted[n], before + gap)
        placed[n] = before
    after = high + gap
    for n in reversed(order):
        after = min(placed[n], after - gap)
        placed[n] = after
    return [placed[n] for n in range(len(wanted))]


def short(number: float) -> str:
    """A number as a mark of an axis: 1,500 as 1.5k."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"
