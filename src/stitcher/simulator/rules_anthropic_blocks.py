"""What the Messages API refuses inside one message: its content and its blocks, one by one.

Knows nothing of other messages.
"""

from typing import Any, NoReturn

from stitcher.simulator.refusal import Refusal, RefusedError

# Fields by block type, required ones first; None stands for a type whose inside is not checked.
_FIELDS: dict[str, tuple[dict[str, type], frozenset[str]] | None] = {
    "text": ({"text": str}, frozenset({"cache_control", "citations"})),
    "image": ({"source": dict}, frozenset({"cache_control", "transformations"})),
    "document": ({"source": dict}, frozenset({"cache_control", "citations", "context", "title"})),
    "thinking": ({"thinking": str, "signature": str}, frozenset()),
    "redacted_thinking": ({"data": str}, frozenset()),
    "tool_use": (
        {"id": str, "name": str, "input": dict},
        frozenset({"cache_control", "caller", "toolset_name"}),
    ),
    "tool_result": (
        {"tool_use_id": str},
        frozenset({"cache_control", "content", "is_error", "toolset_name"}),
    ),
    "search_result": None,
    "container_upload": None,
    "server_tool_use": None,
    "web_search_tool_result": None,
    "web_fetch_tool_result": None,
    "advisor_tool_result": None,
    "code_execution_tool_result": None,
    "bash_code_execution_tool_result": None,
    "text_editor_code_execution_tool_result": None,
    "tool_search_tool_result": None,
    "mcp_tool_use": None,
    "mcp_tool_result": None,
    "mcp_tool_listing": None,
    "compaction": None,
    "fallback": None,
    "tool_addition": None,
    "tool_removal": None,
}
# Tuples, because what a client put there need not be hashable.
_TOOL_RESULT_TYPES = (
    "text", "image", "document", "search_result", "tool_reference", "browser_state",
)  # fmt: skip
_SOURCE_TYPES = ("base64", "url", "file", "text", "content")
_ONLY_IN = {
    "tool_use": "assistant",
    "thinking": "assistant",
    "redacted_thinking": "assistant",
    "server_tool_use": "assistant",
    "tool_result": "user",
    "tool_addition": "system",
    "tool_removal": "system",
}
_SYSTEM_TYPES = frozenset({"text", "tool_addition", "tool_removal"})


def _refuse(message: str) -> NoReturn:
    raise RefusedError(Refusal(400, "invalid_request_error", message))


def check_blocks(message: dict[str, Any], place: str, *, last: bool) -> None:
    """Checks one message's content; `last` says that an assistant message is a prefill."""
    role = message["role"]
    content = message.get("content")
    if role == "system" and not content and message.get("output_config"):
        return
    if content is None:
        _refuse(f"{place}.content: Field required")
    if not isinstance(content, str | list):
        _refuse(f"{place}.content: Input should be a valid string or a valid list")
    if not content:
        if last and role == "assistant":
            return
        _refuse(
            f"{place}: all messages must have non-empty content except for the optional final "
            "assistant message"
        )
    if isinstance(content, str):
        if not content.strip():
            _refuse("messages: text content blocks must contain non-whitespace text")
        return
    for index, block in enumerate(content):
        _check_block(block, role, f"{place}.content.{index}", place)


def _check_block(block: Any, role: str, place: str, message_place: str) -> None:
    if not isinstance(block, dict):
        _refuse(f"{place}: Input should be a valid dictionary or object to extract fields from")
    kind = block.get("type")
    if kind is None:
        _refuse(f"{place}.type: Field required")
    if not isinstance(kind, str) or kind not in _FIELDS:
        _refuse(
            f"{place}: Input tag {kind!r} found using 'type' does not match any of the expected "
            f"tags: {', '.join(repr(name) for name in sorted(_FIELDS))}"
        )
    home = _ONLY_IN.get(kind, role)
    if home != role:
        _refuse(f"{message_place}: `{kind}` blocks can only be in `{home}` messages")
    if role == "system" and kind not in _SYSTEM_TYPES:
        _refuse(f"{message_place}: `{kind}` blocks are not allowed in `system` messages")
    _check_fields(block, kind, place)
    if kind == "text":
        check_text(block, place, "messages")
    elif kind == "tool_result":
        _check_result_content(block.get("content"), f"{place}.tool_result.content")
    elif kind in ("image", "document") and block["source"].get("type") not in _SOURCE_TYPES:
        _refuse(f"{place}.{kind}.source.type: Field required")


def _check_fields(block: dict[str, Any], kind: str, place: str) -> None:
    fields = _FIELDS[kind]
    if fields is None:
        return
    required, optional = fields
    for name, expected in required.items():
        if block.get(name) is None:
            _refuse(f"{place}.{kind}.{name}: Field required")
        if not isinstance(block[name], expected):
            noun = "string" if expected is str else "dictionary"
            _refuse(f"{place}.{kind}.{name}: Input should be a valid {noun}")
    for name in block:
        if name != "type" and name not in required and name not in optional:
            _refuse(f"{place}.{kind}.{name}: Extra inputs are not permitted")


def check_text(block: dict[str, Any], place: str, where: str) -> None:
    """A text block says something; `where` is the part of the request named in the refusal."""
    text = block.get("text")
    if not isinstance(text, str):
        _refuse(f"{place}.text.text: Input should be a valid string")
    if text and not text.isspace():
        return
    if not text and block.get("cache_control"):
        _refuse(f"{place}.text: cache_control cannot be set for empty text blocks")
    if not text:
        _refuse(f"{where}: text content blocks must be non-empty")
    _refuse(f"{where}: text content blocks must contain non-whitespace text")


def _check_result_content(content: Any, place: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        _refuse(f"{place}: Input should be a valid string or a valid list")
    for index, block in enumerate(content):
        if not isinstance(block, dict) or block.get("type") not in _TOOL_RESULT_TYPES:
            kind = block.get("type") if isinstance(block, dict) else block
            _refuse(
                f"{place}.{index}: Input tag {kind!r} found using 'type' does not match any of "
                f"the expected tags: {', '.join(repr(t) for t in sorted(_TOOL_RESULT_TYPES))}"
            )
