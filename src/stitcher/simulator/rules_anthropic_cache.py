"""What the Messages API refuses about cache breakpoints: how many, where, and in which order.

Expects a body whose tools and blocks were already checked one by one.
"""

from collections.abc import Iterator
from typing import Any, NoReturn

from stitcher.simulator.anthropic_blocks import automatic_place, blocks_of
from stitcher.simulator.refusal import Refusal, RefusedError

_MOST = 4
_MARKER_FIELDS = frozenset({"type", "ttl", "scope"})


def _refuse(message: str) -> NoReturn:
    raise RefusedError(Refusal(400, "invalid_request_error", message))


def check_markers(body: dict[str, Any]) -> None:
    count = 0
    after_short = False
    for place, block in _marked(body):
        count += 1
        long = _check_marker(block["cache_control"], f"{place}.cache_control") == "1h"
        if long and after_short:
            _refuse_order(place)
        after_short = after_short or not long
    count += _automatic(body, after_short=after_short)
    if count > _MOST:
        _refuse(f"A maximum of {_MOST} blocks with cache_control may be provided. Found {count}.")


def _refuse_order(place: str) -> NoReturn:
    _refuse(
        f"{place}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
        "cache_control block. Note that blocks are processed in the following order: `tools`, "
        "`system`, `messages`."
    )


def _check_marker(marker: Any, place: str) -> str:
    if not isinstance(marker, dict) or marker.get("type") != "ephemeral":
        _refuse(f"{place}.type: Input should be 'ephemeral'")
    for name in marker:
        if name not in _MARKER_FIELDS:
            _refuse(f"{place}.ephemeral.{name}: Extra inputs are not permitted")
    ttl = marker.get("ttl") or "5m"
    if ttl not in ("5m", "1h"):
        _refuse(f"{place}.ephemeral.ttl: Input should be '5m' or '1h'")
    return str(ttl)


def _marked(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The marked blocks with their places, in the order the provider processes them."""
    for index, tool in enumerate(body.get("tools") or []):
        if tool.get("cache_control") is not None:
            if tool.get("defer_loading"):
                name = tool.get("name")
                _refuse(f"Tool '{name}' cannot have both defer_loading=true and cache_control set.")
            yield f"tools.{index}", tool
    system = body.get("system")
    for index, block in enumerate(system if isinstance(system, list) else []):
        if block.get("cache_control") is not None:
            yield f"system.{index}", block
    for number, message in enumerate(body["messages"]):
        content = message.get("content")
        if isinstance(content, list):
            yield from _marked_blocks(message, content, f"messages.{number}")


def _marked_blocks(
    message: dict[str, Any], content: list[dict[str, Any]], place: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, block in enumerate(content):
        inner = block.get("content")
        for inner_index, inner_block in enumerate(inner if isinstance(inner, list) else []):
            if isinstance(inner_block, dict) and inner_block.get("cache_control") is not None:
                yield f"{place}.content.{index}.content.{inner_index}", inner_block
        if block.get("cache_control") is not None:
            if message.get("clear_at") == "next_user_message":
                _refuse(f"{place}: a message with `clear_at` cannot carry cache_control")
            yield f"{place}.content.{index}", block


def _automatic(body: dict[str, Any], *, after_short: bool) -> int:
    """Top-level `cache_control` takes one of the four, unless its block already says it."""
    marker = body.get("cache_control")
    if marker is None:
        return 0
    ttl = _check_marker(marker, "cache_control")
    place = automatic_place(body["messages"])
    if place is None:
        return 0
    own = blocks_of(body["messages"][place[0]].get("content"))[place[1]].get("cache_control")
    if own:
        if (own.get("ttl") or "5m") != ttl:
            _refuse(
                "cache_control: the last block already has cache_control with a different ttl. "
                "Use the same ttl in both places, or remove one of them."
            )
        return 0
    if ttl == "1h" and after_short:
        _refuse_order("messages")
    return 1
