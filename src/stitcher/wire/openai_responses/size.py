"""How much an item of the Responses API is to read: bytes of text, and tokens of images."""

from typing import Any

import msgspec

from stitcher.wire.images import document_tokens, image_tokens

_MOST_OF_A_FILE = 8_000  # bytes: base64 says nothing of tokens
_PDF = "data:application/pdf"

Element = dict[str, Any]
Size = tuple[int, int]  # bytes of text, tokens


def size_of(element: Element, said: list[Element] | None, dialect: str) -> Size:
    """The size of an item that says these parts, or of one that has none."""
    if said is not None:
        sizes = [_part(part, dialect) for part in said]
        return sum(size for size, _ in sizes), sum(tokens for _, tokens in sizes)
    kind = element.get("type")
    if element.get("encrypted_content"):
        return _sealed(element["encrypted_content"]), 0
    if kind == "image_generation_call" and isinstance(element.get("result"), str):
        return _length(element.get("revised_prompt")), image_tokens(element["result"], dialect)
    if kind in ("function_call", "custom_tool_call"):
        told = ("namespace", "name", "arguments", "input")
        return sum(_length(element.get(key)) for key in told), 0
    if kind == "reasoning":
        return _length(_texts(element.get("content")) or _texts(element.get("summary"))), 0
    return len(msgspec.json.encode(element)), 0


def _part(part: Element, dialect: str) -> Size:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        return _length(part.get("text")), 0
    if kind == "encrypted_content":
        # openai/codex, context_manager/history.rs, 2026: estimate_encrypted_function_output_length
        return -(-9 * _length(part.get("encrypted_content")) // 16), 0
    image = part.get("image_url")
    if kind in ("input_image", "computer_screenshot"):
        url = image.get("url") if isinstance(image, dict) else image
        return 0, image_tokens(url if isinstance(url, str) else "", dialect)
    data = part.get("file_data")
    if isinstance(data, str) and data.startswith(_PDF):
        return 0, document_tokens(data)
    return min(len(msgspec.json.encode(part)), _MOST_OF_A_FILE), 0


def _sealed(content: object) -> int:
    """Bytes of the text that is sealed in some encrypted content.

    openai/codex, context_manager/history.rs, 2026: estimate_reasoning_length. Base64 is four
    thirds of what it holds, and about 650 bytes of that are the envelope.
    """
    return max(0, _length(content) * 3 // 4 - 650)


def _texts(listed: object) -> str:
    if not isinstance(listed, list):
        return ""
    return "".join(str(part.get("text") or "") for part in listed if isinstance(part, dict))


def _length(value: object) -> int:
    if value is None:
        return 0
    return len(value.encode()) if isinstance(value, str) else len(msgspec.json.encode(value))
