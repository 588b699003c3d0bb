"""What the Messages API refuses: a pure function from a request body to a refusal or None.

Follows the API reference and the parameters of anthropic SDK 2.12.0, in the provider's wording
where it is known. Knows nothing of HTTP, credentials or the size of a model's window.
"""

import re
from typing import Any, NoReturn

from stitcher.simulator.refusal import Refusal, RefusedError
from stitcher.simulator.rules_anthropic_blocks import (
    check_blocks,
    check_text,
)
from stitcher.simulator.rules_anthropic_cache import check_markers
from stitcher.simulator.rules_anthropic_prewarm import check_prewarm
from stitcher.simulator.rules_anthropic_tools import check_tool_pairs, check_tools
from stitcher.simulator.thinking_signature import binds, thinking_blocks

_COUNT_FIELDS = frozenset(
    {
        "messages", "model", "billing_policy", "cache_control", "compaction", "context_management",
        "mcp_servers", "output_config", "speed", "system", "thinking", "tool_choice", "tools",
        "user_profile_id", "workspace_id",
    }
)  # fmt: skip
# The parameters of the SDK's stable and beta `create`, and `safeguards`, `temperature`, `top_k`,
# `top_p` and `output_format`, which clients send and the API takes.
_CREATE_FIELDS = _COUNT_FIELDS | frozenset(
    {
        "max_tokens", "container", "diagnostics", "fallback_credit_token", "fallbacks",
        "inference_geo", "metadata", "service_tier", "stop_sequences", "thread", "stream",
        "output_format", "safeguards", "temperature", "top_k", "top_p",
    }
)  # fmt: skip
_MESSAGE_FIELDS = {
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content"}),
    "system": frozenset({"role", "content", "output_config", "clear_at"}),
}
_THINKING_TYPES = ("enabled", "disabled", "between_tools", "adaptive")
_WHITESPACE_END = re.compile(r"\s\Z")


def check(body: Any) -> Refusal | None:
    """Why `POST /v1/messages` would refuse this body."""
    return _refusal(body, counting=False)


def check_count(body: Any) -> Refusal | None:
    """Why `POST /v1/messages/count_tokens` would refuse this body."""
    return _refusal(body, counting=True)


def _refusal(body: Any, *, counting: bool) -> Refusal | None:
    try:
        _check_top(body, _COUNT_FIELDS if counting else _CREATE_FIELDS)
        if not counting:
            _check_max_tokens(body)
        check_tools(body)
        _check_system(body)
        _check_messages(body["messages"])
        check_tool_pairs(body["messages"], has_tools=bool(body.get("tools")))
        check_markers(body)
        if not counting:
            check_prewarm(body)
        _check_thinking_config(body)
        _check_thinking_blocks(body)
        _check_prefill(body["messages"][-1])
    except RefusedError as refused:
        return refused.refusal
    return None


def _refuse(message: str) -> NoReturn:
    raise RefusedError(Refusal(400, "invalid_request_error", message))


def _expect(body: dict[str, Any], name: str, kind: type, article: str) -> None:
    value = body.get(name)
    if value is None:
        return
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        _refuse(f"{name}: Input should be {article}")


def _check_top(body: Any, known: frozenset[str]) -> None:
    if not isinstance(body, dict):
        _refuse("The request body is not valid JSON: expected an object")
    for name in ("model", "messages"):
        if body.get(name) is None:
            _refuse(f"{name}: Field required")
    _expect(body, "model", str, "a valid string")
    _expect(body, "messages", list, "a valid list")
    _expect(body, "stream", bool, "a valid boolean")
    _expect(body, "tools", list, "a valid list")
    _expect(body, "stop_sequences", list, "a valid list")
    for name in ("metadata", "tool_choice", "thinking", "output_config", "context_management"):
        _expect(body, name, dict, "a valid dictionary or object to extract fields from")
    for name in body:
        if name not in known:
            _refuse(f"{name}: Extra inputs are not permitted")
    if not body["model"]:
        _refuse("model: String should have at least 1 character")
    _check_numbers(body)
    if not body["messages"]:
        _refuse("messages: at least one message is required")


def _check_numbers(body: dict[str, Any]) -> None:
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(f"{name}: Input should be a valid number")
        if not 0 <= value <= 1:
            _refuse(f"{name}: range: 0..1")
    _expect(body, "top_k", int, "a valid integer")


def _check_max_tokens(body: dict[str, Any]) -> None:
    value = body.get("max_tokens")
    if value is None:
        _refuse("max_tokens: Field required")
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse("max_tokens: Input should be a valid integer")
    if value < 0:
        _refuse("max_tokens: Input should be greater than or equal to 0")


def _check_system(body: dict[str, Any]) -> None:
    system = body.get("system")
    if system is None or isinstance(system, str):
        return
    if not isinstance(system, list):
        _refuse("system: Input should be a valid string or a valid list")
    for index, block in enumerate(system):
        place = f"system.{index}"
        if not isinstance(block, dict) or block.get("type") != "text":
            _refuse(f"{place}.type: Input should be 'text'")
        check_text(block, place, "system")


def _check_messages(messages: list[Any]) -> None:
    previous = None
    for number, message in enumerate(messages):
        place = f"messages.{number}"
        if not isinstance(message, dict):
            _refuse(f"{place}: Input should be a valid dictionary or object to extract fields from")
        role = _check_role(message.get("role"), previous, place)
        for name in message:
            if name not in _MESSAGE_FIELDS[role]:
                _refuse(f"{place}.{name}: Extra inputs are not permitted")
        check_blocks(message, place, last=number == len(messages) - 1)
        previous = role


def _check_role(role: Any, previous: str | None, place: str) -> str:
    if role is None:
        _refuse(f"{place}.role: Field required")
    if not isinstance(role, str) or role not in _MESSAGE_FIELDS:
        _refuse(
            f"messages: Unexpected role {role!r}. Allowed roles are 'user', 'assistant' or 'system'"
        )
    if previous is None and role != "user":
        _refuse("messages: first message must use the user role")
    # "must follow a user message ..., not first" (mid-conversation system messages, 2026-10).
    if role == "system" and previous == "assistant":
        _refuse(f"{place}: `system` messages must follow a `user` message")
    return role


def _check_thinking_config(body: dict[str, Any]) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type")
    if kind not in _THINKING_TYPES:
        expected = ", ".join(f"'{name}'" for name in _THINKING_TYPES)
        _refuse(
            f"thinking: Input tag {kind!r} found using 'type' does not match any of the "
            f"expected tags: {expected}"
        )
    if kind == "enabled":
        _check_budget(thinking.get("budget_tokens"), body.get("max_tokens"))
    choice = body.get("tool_choice") or {}
    if kind in ("enabled", "adaptive") and choice.get("type") in ("any", "tool"):
        _refuse("Thinking may not be enabled when tool_choice forces tool use.")


def _check_budget(budget: Any, max_tokens: int | None) -> None:
    if budget is None:
        _refuse("thinking.enabled.budget_tokens: Field required")
    if isinstance(budget, bool) or not isinstance(budget, int):
        _refuse("thinking.enabled.budget_tokens: Input should be a valid integer")
    if budget < 1024:
        _refuse("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if max_tokens is not None and budget >= max_tokens:
        _refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_thinking_blocks(body: dict[str, Any]) -> None:
    thinking = body.get("thinking") or {}
    binding = thinking.get("block_binding") or {}
    drops = binding.get("prefix_mismatch_behavior") == "drop_block"
    bound = binds(body["model"]) and not drops
    for block in thinking_blocks(body):
        if block.signed is None:
            field = "signature" if block.type == "thinking" else "data"
            _refuse(f"{block.path}: Invalid `{field}` in `{block.type}` block")
        if bound and block.signed != block.prefix:
            _refuse(
                f"{block.path}: This `{block.type}` block was created in a different "
                "conversation, or the messages before it have changed since. Send the earlier "
                "messages unchanged, remove the block, or set "
                '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
            )
    if thinking.get("type") == "enabled":
        _check_tool_loop(body["messages"])


def _check_tool_loop(messages: list[dict[str, Any]]) -> None:
    """Manual thinking: the assistant turn of an open tool loop starts with its thinking.

    "During tool use, you must pass thinking blocks back to the API" (extended thinking page);
    adaptive thinking does not ask for it.
    """
    number = len(messages) - 1
    while number > 0 and messages[number]["role"] == "system":
        number -= 1
    if number == 0 or not _is_tool_results(messages[number]):
        return
    while number >= 0:
        role = messages[number]["role"]
        if role == "user" and not _is_tool_results(messages[number]):
            break
        number -= 1
    start = number + 1
    while messages[start]["role"] != "assistant":
        start += 1
    kind = _first_type(messages[start])
    if kind not in ("thinking", "redacted_thinking"):
        _refuse(
            f"messages.{start}.content.0.type: Expected `thinking` or `redacted_thinking`, but "
            f"found `{kind}`. When `thinking` is enabled, a final `assistant` message must start "
            "with a thinking block (preceding the lastmost set of `tool_use` and `tool_result` "
            "blocks)."
        )


def _is_tool_results(message: dict[str, Any]) -> bool:
    content = message.get("content")
    return (
        message["role"] == "user"
        and isinstance(content, list)
        and all(block["type"] == "tool_result" for block in content)
    )


def _first_type(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list) and content:
        return str(content[0].get("type"))
    return "text"


def _check_prefill(message: dict[str, Any]) -> None:
    if message["role"] != "assistant":
        return
    content = message["content"]
    text = content
    if isinstance(content, list):
        last = content[-1] if content else {}
        if last.get("type") in ("thinking", "redacted_thinking"):
            _refuse("messages: The final block in an assistant message cannot be `thinking`.")
        text = last.get("text", "")
    if _WHITESPACE_END.search(text):
        _refuse("messages: final assistant content cannot end with trailing whitespace")
