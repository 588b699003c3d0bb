"""Where dynamic context goes when its place is a question of price.

It is said at the prompt's end, behind the question or the results, and held there until it changes.
Then the new one is said at the end; what was said before stays as history, or is taken out and the
prompt behind it read again: whichever costs less (`core.economics`). Nothing is taken out where
thinking is bound to what stands before it. Context that is likely to go before it is read again is
passing: no breakpoint is set behind it, so that it is not written. Inside a tool loop only such
context goes: nothing that the cache may hold moves.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from stitcher.core.economics import Block, Prices, expected_requests, outdated, write_pays
from stitcher.core.pairing import loop_is_open
from stitcher.messages.anthropic.message import blocks as blocks_of
from stitcher.messages.anthropic.message import thinks
from stitcher.messages.reading import Message, form_of, read
from stitcher.prompt.assembly import dynamic_message, static_prompt
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.state import State
from stitcher.providers.models import binds_thinking

Placed = dict[str, Any]


def with_dynamic(state: State, text: str | None, config: PromptConfig) -> State:
    """The state with `text` as its dynamic context; the very state where nothing changes.

    None takes all dynamic context out: what was said no longer holds. Inside a tool loop what may
    have been written waits for the next turn.
    """
    placed: list[Placed] = state.get("dynamic", [])
    if (placed[-1]["content"] if placed else "") == (text or ""):
        return state
    history: list[Message] = [*state["long_lived"], *state["short_term"]]
    bound = _is_bound(history, placed, config)
    if bound:
        kept = len(placed)
    elif loop_is_open([read(message) for message in history[-1:]]):
        kept = len(placed) - (1 if placed and placed[-1].get("passing") else 0)
    else:
        kept = _worth_keeping(history, placed, state, config) if text else 0
    if not text:
        return _with(state, placed[:kept]) if kept < len(placed) else state
    said: Placed = {"after": len(history), "content": text}
    if placed and not bound and not _is_read_again(history[placed[-1]["after"] :], config):
        said["passing"] = True
    return _with(state, [*placed[:kept], said])


def _with(state: State, placed: list[Placed]) -> State:
    rest = {key: value for key, value in state.items() if key != "dynamic"}
    return {**rest, "dynamic": placed} if placed else rest


def _is_read_again(behind: Sequence[Message], config: PromptConfig) -> bool:
    """True where new context is worth writing, if it lasts as long as that before it did.

    `behind` is what was said since then: it was in as many requests as there were answers.
    """
    said = ["user", *(read(message).role for message in behind)]
    answers = sum(one == "assistant" != before for before, one in pairwise(said))
    rules = config.adapter.rules
    return write_pays(answers - 1, Prices(rules.read, rules.write))


def _asked(history: Sequence[Message]) -> int:
    """How many of the messages the last request held: all before its answer and what came then."""
    said = [read(message).role for message in history]
    n = len(said)
    while n > 0 and said[n - 1] != "assistant":
        n -= 1
    while n > 0 and said[n - 1] == "assistant":
        n -= 1
    return n


def _is_bound(history: Sequence[Message], placed: Sequence[Placed], config: PromptConfig) -> bool:
    """True where thinking behind the context would be refused without it."""
    if not placed or not binds_thinking(config.adapter.model or ""):
        return False
    behind = (one for one in history[placed[0]["after"] :] if form_of(one) == "anthropic")
    return any(thinks(blocks_of(message.get("content"))) for message in behind)


def _worth_keeping(
    history: Sequence[Message], placed: Sequence[Placed], state: State, config: PromptConfig
) -> int:
    """How many of those placed, oldest first, stay as history."""
    if not placed:
        return 0
    adapter = config.adapter
    first = placed[0]["after"]
    behind = history[first:]
    # What no request has held yet is written in any case.
    sizes = [adapter.count_tokens([message]) for message in behind[: _asked(behind)]]
    priced = [
        Block(
            tokens=adapter.count_tokens([dynamic_message(one["content"], config)]),
            behind=sum(sizes[one["after"] - first :]),
        )
        for one in placed
    ]
    prices = Prices(adapter.rules.read, adapter.rules.write)
    if adapter.count_tokens([*static_prompt(config), *history]) < adapter.rules.shortest:
        prices = Prices(read=1.0, write=1.0)  # nothing of it is cached
    return outdated(priced, prices, _requests(history, state, config))


def _requests(history: Sequence[Message], state: State, config: PromptConfig) -> float:
    """Requests to be expected before the history is cut, from the answers there were."""
    answers = sum(message.get("role") in ("assistant", "model") for message in history)
    threshold = config.effective_compaction_threshold
    if threshold is None or not answers:
        return expected_requests(answers, until_cut=float("inf"))
    tokens = config.adapter.count_tokens(state["long_lived"])
    each = max(1.0, tokens / answers)
    return expected_requests(answers, until_cut=max(0.0, threshold - tokens) / each)
