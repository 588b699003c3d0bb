"""What of a Messages request, beside its blocks, changes the prompt, and from where on.

The table "what invalidates the cache" (prompt caching page, 2026-11): some settings lose system and
messages, others the messages only. Knows nothing of hashes.
"""

import json
from collections.abc import Iterator
from typing import Any

from stitcher.simulator.anthropic_blocks import blocks_of, canonical
from stitcher.simulator.assumptions import Assumptions

# Switching these on or off changes the system prompt that the provider writes around them.
_SYSTEM_TOOLS = ("web_search", "web_fetch")


def is_system_tool(tool: dict[str, Any]) -> bool:
    """Whether a tool's presence leaves the other tools cached and loses what comes after."""
    return str(tool.get("type", "")).startswith(_SYSTEM_TOOLS)


def opening_settings(body: dict[str, Any], assumptions: Assumptions) -> bytes:
    """What everything depends on, beside the model."""
    return _json(_thinking(body)) if assumptions.thinking_tier == "all" else b""


def system_settings(body: dict[str, Any]) -> bytes:
    return _json([body.get("speed") or "standard", any(map(_cites, _inner_blocks(body)))])


def message_settings(body: dict[str, Any], assumptions: Assumptions) -> bytes:
    """The last three are named by the cache diagnostics page alone."""
    choice = body.get("tool_choice") or {}
    form = (body.get("output_config") or {}).get("format") or body.get("output_format")
    images = [block for block in _inner_blocks(body) if block.get("type") == "image"]
    return _json(
        [
            *_thinking(body),
            choice.get("type", "auto"),
            choice.get("name"),
            bool(choice.get("disable_parallel_tool_use")),
            _shown_images(images, assumptions),
            body.get("context_management"),
            form,
            sorted(set(body.get("anthropic_beta") or ())),
        ]
    )


def _thinking(body: dict[str, Any]) -> list[Any]:
    """A stated default is the same as none."""
    thinking = body.get("thinking") or {}
    effort = (body.get("output_config") or {}).get("effort", "high")
    return [thinking.get("type", "disabled"), thinking.get("budget_tokens"), effort]


def _shown_images(images: list[dict[str, Any]], assumptions: Assumptions) -> Any:
    if assumptions.image_changes == "presence":
        return bool(images)
    return [canonical(image).decode() for image in images]


def _cites(block: dict[str, Any]) -> bool:
    # In a text of the assistant's it is the list of what was cited.
    asked = block.get("citations")
    return isinstance(asked, dict) and bool(asked.get("enabled"))


def _inner_blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The blocks of the messages and those inside tool results."""
    for message in body["messages"]:
        for block in blocks_of(message.get("content")):
            yield block
            if block.get("type") == "tool_result":
                yield from blocks_of(block.get("content"))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
