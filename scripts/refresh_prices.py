"""Writes the table of prices anew: `make prices`.

Downloads two lists that are kept by others, compares them model by model, and stops where they
disagree, unless the difference is known (`price_models`). The price taken is that of genai-prices,
which knows dates; what only litellm has (writes for 12 hours) is taken from there. The shortest
prefix that litellm says is cached is compared with our rules.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, fields, replace
from datetime import UTC, datetime
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import overload

from scripts.price_lists import GenaiPrices, Listed, Litellm, Rates
from scripts.price_models import (
    GENAI_NAMES,
    KNOWN,
    NOT_IN_GENAI,
    NOT_IN_LITELLM,
    PROVIDERS,
)

from stitcher.providers.caching import cache_rules
from stitcher.providers.listed_price import ALWAYS, Dated, Price

TABLE = Path(__file__).parents[1] / "src/stitcher/providers/price_table.py"
_WIDTH = 101  # of a line, its end included
ROUNDING = 0.005  # of a price
"""A list that rounds to three digits is no disagreement."""

_HEAD = '''"""What models cost: USD per million tokens. Written by `make prices`, not by hand.

From {sources}, read on {read}.
"""

from collections.abc import Mapping
from typing import Final

from stitcher.providers.listed_price import ALWAYS, Dated, Price

READ: Final = "{read}"
SOURCES: Final = "{sources}"

# Input, output, read, write, write for the longer lifetime; above so many tokens, instead.
PRICES: Final[Mapping[str, tuple[Dated, ...]]] = {{
'''


def main() -> int:
    """Writes the table, or says in what the lists disagree."""
    today = datetime.now(UTC).date().isoformat()
    with TemporaryDirectory() as folder:
        litellm, genai = downloaded(Path(folder))
        prices, differences = collected(Litellm(litellm), GenaiPrices(genai), today)
        sources = " and ".join(" ".join(each.name.split("-")[:2]) for each in (litellm, genai))
    if differences:
        print("The lists disagree; nothing was written. What is right? See scripts/price_models.py")
        print("\n".join(f"  {each}" for each in differences))
        return 1
    text = rendered(prices, sources.replace("_", "-"), today)
    TABLE.write_text(text, encoding="utf-8")
    print(f"{TABLE.name}: {len(prices)} models, from {sources}")
    return 0


def downloaded(folder: Path) -> tuple[Path, Path]:
    """The newest wheels of the two lists."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "-d", str(folder), "litellm", "genai-prices"], check=True)
    (litellm,), (genai,) = folder.glob("litellm-*.whl"), folder.glob("genai_prices-*.whl")
    return litellm, genai


def collected(
    litellm: Litellm, genai: GenaiPrices, today: str
) -> tuple[dict[str, tuple[Dated, ...]], list[str]]:
    """The prices of all models, and every difference between the lists that is not known."""
    prices: dict[str, tuple[Dated, ...]] = {}
    differences: dict[tuple[str, str], str] = {}
    for provider, (prefix, names) in PROVIDERS.items():
        for name in names:
            now = litellm.listed(prefix + name)
            dated = genai.listed(provider, GENAI_NAMES.get(name, name))
            if now is not None and dated:
                current = [each for each in dated if each.since <= today][-1]
                differences |= {(name, kind): said for kind, said in differing(current, now)}
            if (now is None) != (name in NOT_IN_LITELLM):
                differences[name, "litellm"] = "not listed" if now is None else "is listed now"
            if (not dated) != (name in NOT_IN_GENAI):
                differences[name, "genai-prices"] = "is listed now" if dated else "not listed"
            key = f"groq/{name}" if provider == "groq" else name
            minimum = cache_rules(key).minimum
            if now is not None and now.minimum not in (None, minimum):
                differences[name, "minimum"] = f"our rules {minimum}, litellm {now.minimum}"
            listed = dated or ([] if now is None else [now])
            prices[key] = tuple(made(each, now or each) for each in listed)
    gone = {known: "no difference any more" for known in KNOWN if known not in differences}
    unknown = {each: said for each, said in differences.items() if each not in KNOWN} | gone
    return prices, [f"{name}, {kind}: {said}" for (name, kind), said in unknown.items()]


def differing(genai: Listed, litellm: Listed) -> Iterator[tuple[str, str]]:
    """In what two lists differ, of what both of them have."""
    for part in ("rates", "beyond", "peak"):
        ours, theirs = getattr(genai, part), getattr(litellm, part)
        if (ours is None) != (theirs is None):
            yield part, f"genai-prices {ours}, litellm {theirs}"
        elif ours is not None:
            for field in fields(Rates):
                one, other = getattr(ours, field.name), getattr(theirs, field.name)
                if one and other and not isclose(one, other, rel_tol=ROUNDING):
                    yield f"{part}.{field.name}", f"genai-prices {one}, litellm {other}"
    if genai.above and litellm.above and not isclose(genai.above, litellm.above, abs_tol=1):
        yield "above", f"genai-prices {genai.above}, litellm {litellm.above}"
    if genai.peak and genai.hours != litellm.hours:
        yield "hours", f"genai-prices {genai.hours}, litellm {litellm.hours}"


def made(listed: Listed, litellm: Listed) -> Dated:
    """A line of the table; what the list lacks is as litellm has it, in proportion to the input."""
    return Dated(
        listed.since,
        replace(
            _price(listed.rates, litellm.rates),
            above=listed.above,
            beyond=_price(listed.beyond, litellm.beyond or litellm.rates),
        ),
        _price(listed.peak, litellm.peak or litellm.rates),
        listed.hours,
    )


@overload
def _price(rates: Rates, litellm: Rates) -> Price: ...
@overload
def _price(rates: None, litellm: Rates) -> None: ...
def _price(rates: Rates | None, litellm: Rates) -> Price | None:
    if rates is None:
        return None

    def filled(kind: str, otherwise: float) -> float:
        own, other = getattr(rates, kind), getattr(litellm, kind)
        if own is None and other is not None:
            return round(float(other / litellm.input * rates.input), 6)
        return otherwise if own is None else float(own)

    read, write = filled("read", rates.input), filled("write", rates.input)
    return Price(rates.input, rates.output, read, write, filled("write_long", write))


def rendered(prices: Mapping[str, Sequence[Dated]], sources: str, read: str) -> str:
    """The table as Python, formatted as `ruff format` would."""
    lines = [_HEAD.format(sources=sources, read=read)]
    for name, dated in prices.items():
        alone = f'    "{name}": ({_dated(dated[0])},),\n'
        if len(dated) == 1 and len(alone) <= _WIDTH:
            lines.append(alone)
            continue
        lines.append(f'    "{name}": (\n')
        lines += [_on_a_line(each) for each in dated]
        lines.append("    ),\n")
    return "".join([*lines, "}\n"])


def _on_a_line(dated: Dated) -> str:
    line = f"        {_dated(dated)},\n"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"            {part},\n" for part in _parts(dated))
    return f"        Dated(\n{inner}        ),\n"


def _dated(dated: Dated) -> str:
    return f"Dated({', '.join(_parts(dated))})"


def _parts(dated: Dated) -> list[str]:
    since = "ALWAYS" if dated.since == ALWAYS else f'"{dated.since}"'
    parts = [since, _written(dated.price)]
    if dated.peak is not None:
        parts += [f"peak={_written(dated.peak)}", f"hours={dated.hours}"]
    return parts


def _written(price: Price) -> str:
    numbers = [f"{each:.10g}" for each in astuple(price)[:5]]
    if price.above is not None and price.beyond is not None:
        numbers += [f"{price.above:_}", _written(price.beyond)]
    return f"Price({', '.join(numbers)})"


if __name__ == "__main__":
    sys.exit(main())
