"""One message of the Responses API: whether two are the same, and what a model sees of one."""

from typing import Final

import msgspec

from stitcher.core.item import Item, Role, digest
from stitcher.core.tokens import TOKENS_PER_MESSAGE, estimate
from stitcher.wire import identity
from stitcher.wire.members import Unreadable, one_line
from stitcher.wire.openai_responses.size import size_of
from stitcher.wire.openai_responses.unit import Element, opened
from stitcher.wire.values import plain

NAME: Final = "openai_responses"

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# Run by the provider, which puts the result into the same answer: the client owes none.
_SERVER_CALLS = frozenset(
    (
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
    )
)
# What a program of the provider's found: calls and results of the client's stand before it.
_SERVER_OUTPUTS = frozenset(("program_output",))
# Their `output` is all they say: a string, a list of parts, or one screenshot.
_OUTPUTS = frozenset(
    (
        "function_call_output",
        "custom_tool_call_output",
        "local_shell_call_output",
        "computer_call_output",
    )
)
_STATUS_TELLS = frozenset(("apply_patch_call_output",))  # "completed" or "failed" is the outcome
_TEXTS = ("input_text", "output_text", "text")
_IMAGES = ("input_image", "computer_screenshot")
_IDS = frozenset(("id", "call_id", "approval_request_id"))
# What clients and servers add to or drop from an item without changing what a model is shown.
_NOISE = frozenset(
    (
        "created_by",
        "annotations",
        "logprobs",
        "prompt_cache_breakpoint",
        "cache_control",
        "internal_chat_message_metadata_passthrough",  # Codex 0.169
    )
)
_NOTHING: tuple[object, ...] = (None, [], {})
_encode = msgspec.json.encode


def read_item(raw: bytes) -> Item:
    """Reads one message: an item, or an array of reasoning and its item. Raises Unreadable."""
    raw = one_line(raw)  # as the log keeps it
    try:
        return _read(raw, msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable("found an item that is not valid JSON text, expected an object") from None


def _read(raw: bytes, value: object) -> Item:
    reasoning, element = opened(value)
    role = _role(element)
    return Item(
        raw=raw,
        dialect=NAME,
        role=role,
        identity=identity.identity(role, _said(element)),
        rendering=digest(_encode(_rendering(element, role), order="sorted")),
        calls=_calls(element),
        answers=_answers(element, role),
        tokens=_tokens([*reasoning, element]),
        thinks=any(not one.get("encrypted_content") for one in reasoning),
        compacts=kind_of(element) == "compaction",
    )


def read_answer(raw: bytes) -> Item:
    """Reads a message that the provider gave as its answer. Raises Unreadable."""
    return read_item(raw)


def text(raw: bytes) -> str | None:
    """What a message says if it says nothing but text (reasoning aside), else None."""
    _, element = opened(msgspec.json.decode(raw))
    said = parts_of(element)
    if said is None or any(part.get("type") not in _TEXTS for part in said):
        return None
    return "".join(str(part.get("text") or "") for part in said)


def kind_of(element: Element) -> str:
    """An item's type; without one it is a message, or a reference. Raises Unreadable."""
    kind = element.get("type")
    if isinstance(kind, str):
        return kind
    if kind is None and "role" in element:
        return "message"
    if kind is None and isinstance(element.get("id"), str):
        return "item_reference"
    raise Unreadable("found an item without a type, a role or an id, expected one of them")


def parts_of(element: Element) -> list[Element] | None:
    """What a message or a result says, in parts; None for an item of another kind."""
    kind = kind_of(element)
    if kind == "message":
        return parts(element.get("content"))
    if kind in _OUTPUTS:
        output = element.get("output")
        return [output] if isinstance(output, dict) else parts(output)
    return None


def parts(content: object) -> list[Element]:
    """Content as a list of parts: a string is its one text part. Raises Unreadable."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return content
    raise Unreadable("found content of another kind, expected text or a list of parts")


def _role(element: Element) -> Role:
    said, kind = element.get("role"), kind_of(element)
    if isinstance(said, str) and said in _ROLES:
        return _ROLES[said]
    if kind == "message":
        raise Unreadable(f"found a message without a role, expected {', '.join(_ROLES)}")
    if kind == "additional_tools":
        return "system"
    if kind.endswith("_output") or kind == "mcp_approval_response":
        return "tool"
    return "assistant"


def _calls(element: Element) -> tuple[str, ...]:
    """The ids under which the client is to bring results."""
    kind = kind_of(element)
    if kind == "mcp_approval_request":
        return _known(element.get("id"))
    if not kind.endswith("_call") or kind in _SERVER_CALLS:
        return ()
    return () if element.get("execution") == "server" else _known(element.get("call_id"))


def _answers(element: Element, role: Role) -> tuple[str, ...]:
    kind = kind_of(element)
    if role != "tool" or kind in _SERVER_OUTPUTS or element.get("execution") == "server":
        return ()
    named = element.get("call_id") or element.get("approval_request_id")
    if named is None and kind == "local_shell_call_output":
        named = element.get("id")  # openai-python 3.54 types: "generated by the model"
    return _known(named)


def _known(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) and value else ()


def _said(element: Element) -> list[identity.Said]:
    said = parts_of(element)
    if said is not None:
        return [_part(part) for part in said]
    kind = kind_of(element)
    if kind == "function_call":
        return [identity.call(name_of(element), identity.parsed(element.get("arguments")))]
    if kind == "custom_tool_call":
        return [identity.call(name_of(element), identity.parsed(element.get("input")))]
    other = _told(element)
    if "arguments" in other:
        other["arguments"] = identity.parsed(other["arguments"])
    return [identity.other(plain(other))]


def _part(part: Element) -> identity.Said:
    kind = part.get("type")
    if kind in _TEXTS:
        return identity.text(part.get("text"))
    if kind == "refusal":  # OpenClaw sends it back as a text
        return identity.text(part.get("refusal"))
    if kind in _IMAGES and (url := image_url_of(part)):
        return identity.image(url)
    return identity.other(plain({key: part[key] for key in part if _counts(part, key)}))


def _counts(part: Element, key: str) -> bool:
    return key not in _NOISE and key != "detail" and part[key] not in _NOTHING


def image_url_of(part: Element) -> str:
    """What an image part shows; "" for one that names an upload."""
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    return url if isinstance(url, str) else ""


def name_of(element: Element) -> object:
    """What a call calls, with its namespace."""
    namespace = element.get("namespace")
    return f"{namespace}.{element.get('name')}" if namespace else element.get("name")


def _told(element: Element) -> Element:
    """An item without its ids and what does not count; one that says nothing else is its id."""
    kind = kind_of(element)
    told = {
        key: value
        for key, value in element.items()
        if key not in _IDS
        and key not in _NOISE
        and value not in _NOTHING
        and (key != "status" or kind in _STATUS_TELLS)
    }
    told["type"] = kind
    if len(told) == 1 and "id" in element:
        told["id"] = element["id"]
    return told


def _rendering(element: Element, role: Role) -> Element:
    """What a model is shown: texts and arguments to the letter, in whatever order of members."""
    shown = _told(element)
    said = parts_of(element)
    if said is not None:
        shown["output" if role == "tool" else "content"] = [_rendered(part) for part in said]
    shown["role"] = role
    return shown


def _rendered(part: Element) -> object:
    if part.get("type") in _TEXTS:
        return part.get("text") or ""
    return {
        key: value for key, value in part.items() if key not in _NOISE and value not in _NOTHING
    }


def _tokens(elements: list[Element]) -> int:
    size = images = 0
    for element in elements:
        bytes_of_text, tokens = size_of(element, parts_of(element), NAME)
        size += bytes_of_text
        images += tokens
    return estimate(size, NAME) + images + TOKENS_PER_MESSAGE
