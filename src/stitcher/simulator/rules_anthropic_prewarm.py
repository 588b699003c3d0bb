"""What the Messages API refuses about `max_tokens: 0`, which fills the cache and says nothing.

Expects a body whose fields were already checked one by one.
"""

from typing import Any

from stitcher.simulator.refusal import Refusal, RefusedError


def check_prewarm(body: dict[str, Any]) -> None:
    """The four that the prompt caching page names (2026-11), in our own wording."""
    if body["max_tokens"] != 0:
        return
    choice = (body.get("tool_choice") or {}).get("type")
    conflicts = {
        "stream": bool(body.get("stream")),
        "thinking.type": (body.get("thinking") or {}).get("type") == "enabled",
        "output_config.format": bool((body.get("output_config") or {}).get("format")),
        "tool_choice.type": choice in ("any", "tool"),
    }
    for name, conflicting in conflicts.items():
        if conflicting:
            message = f"max_tokens: 0 is not supported with this value of `{name}`"
            raise RefusedError(Refusal(400, "invalid_request_error", message))
