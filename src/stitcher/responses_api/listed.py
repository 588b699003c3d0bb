"""The items of a history as a client is shown them: one by one, each with an id. Pure.

An item goes out with the bytes it was said in. What OpenAI's API adds to an item that was given
without it (an id, a type, a status, a text as a list of parts) is added, so that clients find what
they look for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from stitcher.core.item import digest
from stitcher.core.layout import Piece
from stitcher.core.log import Head, Node
from stitcher.messages.unreadable import Unreadable
from stitcher.wire import openai_responses
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.members import added, elements, members, replaced
from stitcher.wire.openai_responses.unit import flattened
from stitcher.wire.translation import translated

_PREFIXES: Final = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "image_generation_call": "ig",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr",
    "compaction": "cmp",
}
# "Populated when items are returned via API" (openai-python 3.54.0, types of these items).
_WITH_STATUS: Final = frozenset(
    (
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
    )
)
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Listed:
    """An item of a list."""

    id: str
    chain: str  # of the message it is of; "" for one of the head
    said: bytes  # as it was said

    def shown(self) -> bytes:
        """The item with all that a client expects of it. Slow: for the items of a page only."""
        return _shown(self.said, self.id)


class _Named(msgspec.Struct):
    """What an item's id is made of: to read no more of it is what makes a long list quick."""

    type: Any = None
    id: Any = None
    role: Any = msgspec.UNSET


_NAMED: Final = msgspec.json.Decoder(_Named)


def listed(path: Sequence[Node], head: Head | None = None) -> list[Listed]:
    """The items of a path, after the leading messages of a head; oldest first.

    Messages of another dialect are shown in the words of this one; what has no form here is left
    out. No two items have the same id, and one that was moved up keeps its own.
    """
    items = _of_head(head)
    names = {node.chain: node.origin or node.chain for node in path}
    for piece in in_this_dialect(path):
        items += _of_message(piece.item.raw, piece.chain, names[piece.chain])
    return _told_apart(items)


def in_this_dialect(path: Sequence[Node]) -> list[Piece]:
    """The messages of a path, each under the chain of the last node that it stands for."""
    pieces = [Piece(node.item, node.chain, ours=True) for node in path]
    return translated(pieces, openai_responses, DIALECTS.__getitem__, keep_ids=frozenset())


def _of_head(head: Head | None) -> list[Listed]:
    """Leading system and developer messages; instructions are none: they are a JSON string."""
    if head is None or head.system is None or head.dialect != openai_responses.NAME:
        return []
    leading = [raw for raw in elements(head.system) if raw[:1] != b'"']
    items: list[Listed] = []
    for number, raw in enumerate(leading):
        items += _of_message(raw, "", digest(f"{head.digest}/{number}".encode()))
    return items


def _of_message(raw: bytes, chain: str, name: str) -> list[Listed]:
    *reasoning, own = flattened(raw)
    items = [Listed(_id(one, f"{name}_{n}"), chain, one) for n, one in enumerate(reasoning)]
    return [*items, Listed(_id(own, name), chain, own)]


def _id(raw: bytes, name: str) -> str:
    """An item's own id, or one made of `name`."""
    item = _NAMED.decode(raw)
    if isinstance(item.id, str) and item.id:
        return item.id
    kind = _kind(item.type, has_role=item.role is not msgspec.UNSET)
    return f"{_PREFIXES.get(kind, 'item')}_{name}"


def _kind(given: Any, *, has_role: bool) -> Any:
    return given or ("message" if has_role else "item_reference")


def _shown(raw: bytes, item_id: str) -> bytes:
    """An item with that id, and with all that a client expects of it."""
    value: dict[str, Any] = msgspec.json.decode(raw)
    kind = _kind(value.get("type"), has_role="role" in value)
    try:
        if kind == "message" and isinstance(value.get("content"), str):
            content = members(raw)["content"]
            raw = replaced(raw, content, _parts(value["role"], raw[content.start : content.end]))
        if value.get("id") != item_id:
            raw = _with(raw, "id", item_id)
        if not value.get("type"):
            raw = _with(raw, "type", kind)
        if kind in _WITH_STATUS and not value.get("status"):
            raw = _with(raw, "status", "completed")
    except Unreadable:  # it repeats a key: nothing can be put in its place
        return _encode({**value, "id": item_id, "type": kind})
    return raw


def _parts(role: str, text: bytes) -> bytes:
    if role == "assistant":
        return b'[{"type":"output_text","text":' + text + b',"annotations":[]}]'
    return b'[{"type":"input_text","text":' + text + b"}]"


def _with(raw: bytes, key: str, text: str) -> bytes:
    member = members(raw).get(key)
    return (
        added(raw, key, _encode(text)) if member is None else replaced(raw, member, _encode(text))
    )


def _told_apart(items: Iterable[Listed]) -> list[Listed]:
    """A cursor names one item only: where an id is given again, the later item gets one of ours."""
    seen: dict[str, int] = {}
    apart: list[Listed] = []
    for item in items:
        times = seen.get(item.id, 0)
        seen[item.id] = times + 1
        if times:
            item = replace(item, id=f"{item.id}_{digest(f'{item.chain}/{times}'.encode())}")
        apart.append(item)
    return apart
