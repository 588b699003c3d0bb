"""Writes docs/providers.md from the rules and prices that the code goes by.

python -m scripts.provider_page
"""

from calendar import timegm
from collections.abc import Iterator, Sequence
from pathlib import Path

from stitcher.providers.caching import cache_rules
from stitcher.providers.engines import engine_rules
from stitcher.providers.price_table import PRICES, READ, SOURCES
from stitcher.providers.prices import price
from stitcher.providers.rules import CacheRules, Lifetime

PAGE = Path(__file__).parents[1] / "docs/providers.md"

# One model stands for all with the same rules but for minimum and prices.
REGIMES = {
    "Anthropic": cache_rules("claude-opus-5-5"),
    "OpenAI, GPT-5.6 and later": cache_rules("gpt-6.1-sol"),
    "OpenAI, GPT-5.5": cache_rules("gpt-5.5"),
    "OpenAI, earlier": cache_rules("gpt-5.4"),
    "Gemini": cache_rules("gemini-3.8-flash"),
    "DeepSeek": cache_rules("deepseek-flash"),
    "xAI": cache_rules("grok-4.7"),
    "Mistral": cache_rules("mistral-large-4"),
    "Groq": cache_rules("groq/openai/gpt-oss-120b"),
    "vLLM": engine_rules("vllm"),
    "SGLang, llama.cpp, Ollama": engine_rules("sglang"),
    "unknown models": cache_rules("unknown"),
}
_ENDS = {
    "breakpoints": "at marked blocks; read up to {lookback} positions before a mark",
    "boundaries": "at the latest message's end and the latest marks; read at the first"
    " {lookup.first} and latest {lookup.latest} marks and {lookup.message_ends} message ends",
    "message_ends": "at the ends of messages",
    "units": "at the end of a request and of its answer; read only as a whole",
    "blocks": "every {block:,} tokens",
    "prefix": "anywhere",
}
_KEPT = {
    "max_tokens=0": "the same request with `max_tokens: 0`",
    "prewarm": "`prompt_cache_options.prewarm` (Responses)",
    None: "the next request",
}

_TEXT = """# What providers' prompt caches ask for

<!-- Made by `python -m scripts.provider_page`; change the code instead. -->

Most providers keep the beginning of a prompt they have read, and charge a fraction for reading it
again. What it takes for that to happen differs. These are the rules that Stitcher lays prompts out
by, and the prices it reckons with. Each value has its source and date beside it in
`src/stitcher/providers/`; what providers leave open, or their pages disagree on, is a named
assumption in `rules.py` whose default promises less rather than more.

## The caches

Prices of tokens written are in prices of a plain input token. A lifetime counts from the last
request that read the entry as well as from the one that wrote it. Where nobody can choose it, it is
the time that is counted on: some providers promise none.

| | lifetimes, and the price of writing | where a cached prefix can end | kept alive by |
|---|---|---|---|
{regimes}

## What a change loses

A cached prefix is found again where the prompt is the same up to its end. These parts of a request
stand in front of others: a change there, with the same messages, loses all that is named.

| | changing | loses |
|---|---|---|
{losses}

## What Stitcher does about it

* **The same bytes again.** What was sent once goes out again as it was, in its place; what a client
  sends itself is not reordered. Where something has to change, it changes once, not in each turn.
* **Marks where they can be set.** On Claude, at the ends of what will be read again: at most four
  with the client's own, none before the minimum, one more where the look-back would miss. On
  GPT-5.6 and later, explicit marks where the implicit one does not reach: in requests that it puts
  something back into, the proxy marks the end of a long system prompt, so that other sessions and a
  cut window find it, unless the client sets marks or `prompt_cache_options` itself.
* **A key where it leads to the machine.** The library gives each conversation with OpenAI's earlier
  models a `prompt_cache_key` of its own, and so does the proxy where it changes a request anyway,
  unless the caller did.
* **Nothing where nothing helps.** Gemini, DeepSeek, xAI, Mistral, Groq and engines find prefixes by
  themselves: there the order of the prompt is all there is to do.

## Models

The shortest prefix that is cached, in tokens; reading and writing in prices of a plain input token;
USD per million tokens of input and output. A blank means that writing costs what reading a prompt
always costs. From {sources}, {read}.

| model | shortest | read | write | longer | input | output | |
|---|--:|--:|--:|--:|--:|--:|---|
{models}

Prices are those of the provider's own API, without batches, priority or regional surcharges.
`make prices` refreshes them, and stops where its two sources disagree.
"""


def page() -> str:
    """The page as it should be."""
    return _TEXT.format(
        regimes="\n".join(_regime(name, rules) for name, rules in REGIMES.items()),
        losses="\n".join(_losses()),
        models="\n".join(map(_model, PRICES)),
        sources=SOURCES,
        read=READ,
    )


def _row(cells: Sequence[str]) -> str:
    return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"


def _regime(name: str, rules: CacheRules) -> str:
    ends = _ENDS[rules.scheme].format(
        lookback=rules.lookback, lookup=rules.lookup, block=rules.block
    )
    lifetimes = ", ".join(map(_lifetime, rules.lifetimes))
    return _row([name, lifetimes, ends, _KEPT[rules.keep_alive]])


def _lifetime(lifetime: Lifetime) -> str:
    seconds = lifetime.seconds
    told = f"{seconds // 3_600} h" if seconds >= 3_600 else f"{seconds // 60} min"
    only = " (Responses only)" if lifetime.only else ""
    return f"{told}: {lifetime.write:g}{only}"


def _losses() -> Iterator[str]:
    """The providers that have more to say than that everything before counts."""
    for name in ("Anthropic", "OpenAI, GPT-5.6 and later"):
        rules = REGIMES[name]
        for tier in rules.order:
            changes = [f"`{loss.change}`" for loss in rules.losses if loss.tier == tier]
            lost = rules.order[rules.order.index(tier) :]
            if changes:
                yield _row([name, ", ".join(changes), ", ".join(lost)])
    others = ", ".join(f"`{loss.change}`" for loss in REGIMES["Gemini"].losses)
    yield _row(["others", others, "everything"])


def _model(model: str) -> str:
    year, month, day = map(int, READ.split("-"))
    noon = timegm((year, month, day, 12, 0, 0))
    now, rules = price(model, noon), cache_rules(model)
    assert now is not None
    writes = [f"{lifetime.write:g}" for lifetime in rules.lifetimes if lifetime.write != 1]
    notes = []
    if now.above is not None and now.beyond is not None:
        notes.append(f"above {now.above:,} tokens {now.beyond.input:g} and {now.beyond.output:g}")
    notes += [
        f"from {dated.since} {dated.price.input:g} and {dated.price.output:g}"
        for dated in PRICES[model]
        if dated.since > READ
    ]
    peak = PRICES[model][-1].peak
    if peak is not None:
        hours = " and ".join(f"{start}–{end}" for start, end in PRICES[model][-1].hours)
        notes.append(f"weekdays {hours} UTC {peak.input:g} and {peak.output:g}")
    return _row(
        [
            f"`{model}`",
            f"{rules.minimum:,}" if rules.minimum else "",
            f"{rules.read:.3g}",
            *(*writes, "", "")[:2],
            f"{now.input:g}",
            f"{now.output:g}",
            "; ".join(notes),
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
