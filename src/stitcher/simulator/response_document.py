"""The response object around the output items. Fields follow openai SDK 3.54.0 (response.py).

What the request did not say stands there with its default, as the provider shows it.
"""

from typing import Any

from stitcher.simulator.dialect import Exchange
from stitcher.simulator.response_output import Output
from stitcher.simulator.response_state import conversation_id

_FAILURE = {"code": "server_error", "message": "The model failed to answer. Sorry about that!"}
# Named by the request or else with the value the provider takes; in the order they are shown.
_SETTINGS: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def response_document(exchange: Exchange, output: Output, usage: dict[str, Any]) -> dict[str, Any]:
    """The finished response: completed, incomplete or failed."""
    asked, ids = exchange.asked, exchange.ids
    failed = exchange.reply.ending == "failed"
    status = "failed" if failed else "completed" if output.whole else "incomplete"
    document: dict[str, Any] = {
        # The time is in it because a restarted provider counts from 1 again.
        "id": ids.next(f"resp_sim_{exchange.created:x}_"),
        "object": "response",
        "created_at": exchange.created,
        "status": status,
        "completed_at": exchange.created if status == "completed" else None,
        "error": dict(_FAILURE) if failed else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "model": asked["model"],
        "output": output.items,
        "reasoning": {"effort": None, "summary": None, **(asked.get("reasoning") or {})},
        "service_tier": "default",
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(asked.get("text") or {})},
        "usage": usage,
    }
    for name, default in _SETTINGS.items():
        given = asked.get(name)
        document[name] = default if given is None else given
    if asked.get("conversation") is not None:
        document["conversation"] = {"id": conversation_id(asked)}
    return document
