"""How the input items of the Responses API must stand to each other.

Ids are given once; a call has its output behind it and an output its call before it; a reasoning
item stands before what it led to. Expects items whose own shape is right
and references that are resolved.
"""

from typing import Any

from stitcher.simulator.openai_refusals import refuse
from stitcher.simulator.response_items import item_type

# Which calls an output answers. Codex answers a local shell call with a function call's output.
_ANSWERS = {
    "function_call_output": ("function_call", "local_shell_call"),
    "custom_tool_call_output": ("custom_tool_call",),
    "computer_call_output": ("computer_call",),
    "local_shell_call_output": ("local_shell_call",),
    "shell_call_output": ("shell_call",),
    "apply_patch_call_output": ("apply_patch_call",),
}
_CALLS = frozenset(kind for kinds in _ANSWERS.values() for kind in kinds)
# What a reasoning item may be followed by, beside the assistant's messages.
_OUTPUT_ITEMS = _CALLS | {
    "reasoning", "web_search_call", "file_search_call", "image_generation_call",
    "code_interpreter_call", "mcp_list_tools", "mcp_approval_request", "mcp_call",
    "tool_search_call", "program", "compaction",
}  # fmt: skip


def check_items(items: list[dict[str, Any]]) -> None:
    """Raises RefusedError when the items do not make a conversation."""
    _check_places(items)
    _check_unique(items)
    _check_calls(items)
    for number, item in enumerate(items):
        if item_type(item) == "reasoning":
            _check_followed(item, items[number + 1 :])


def _check_places(items: list[dict[str, Any]]) -> None:
    for item in items[:-1]:
        if item_type(item) == "compaction_trigger":
            refuse("A 'compaction_trigger' item must be the final input item.", "input", None)


def _check_unique(items: list[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for item in items:
        item_id = item.get("id")
        if item_id is None:
            continue
        if item_id in seen:
            refuse(
                f"Duplicate item found with id {item_id}. Remove duplicate items from your input "
                "and try again.",
                "input",
                None,
            )
        seen.add(item_id)


def _check_calls(items: list[dict[str, Any]]) -> None:
    called: dict[tuple[str, str], bool] = {}
    for item in items:
        kind, call_id = item_type(item), _call_id(item)
        if kind in _CALLS and call_id is not None:
            if any((other, call_id) in called for other in _CALLS):
                refuse(
                    f"Duplicate {_named(kind)} found with call_id {call_id}. Remove duplicate "
                    "items from your input and try again.",
                    "input",
                    None,
                )
            called[kind, call_id] = bool(item.get("async"))
        elif kind in _ANSWERS and call_id is not None:
            _check_answer(kind, call_id, called)
    for (kind, call_id), answered in called.items():
        if not answered:
            refuse(f"No tool output found for {_named(kind)} {call_id}.", "input", None)


def _call_id(item: dict[str, Any]) -> str | None:
    """The call an item is or answers; a local shell's output names it as its `id`."""
    if item_type(item) == "local_shell_call_output":
        return item.get("call_id") or item.get("id")
    return item.get("call_id")


def _check_answer(kind: str, call_id: str, called: dict[tuple[str, str], bool]) -> None:
    for call_kind in _ANSWERS[kind]:
        if (call_kind, call_id) in called:
            called[call_kind, call_id] = True
            return
    refuse(
        f"No tool call found for {_named(_ANSWERS[kind][0])} output with call_id {call_id}.",
        "input",
        None,
    )


def _named(kind: str) -> str:
    return kind.replace("_", " ")


def _check_followed(item: dict[str, Any], behind: list[dict[str, Any]]) -> None:
    """What the model thought stands before what it then did.

    At the very end it may stand alone if it is carried whole: Codex resends the reasoning that
    arrived before a stream was cut.
    """
    if not behind and item.get("encrypted_content") is not None:
        return
    if behind and (item_type(behind[0]) in _OUTPUT_ITEMS or behind[0].get("role") == "assistant"):
        return
    refuse(
        f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following "
        "item.",
        "input",
        None,
    )
