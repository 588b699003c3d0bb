"""How many tokens an item of the Responses API is, with the reasoning before it."""

from collections.abc import Sequence

from stitcher.core.tokens import TOKENS_PER_MESSAGE
from stitcher.messages.counting import Counter
from stitcher.messages.openai_responses.item import REASONING, Element, image_url_of, parts_of

_PDF = "data:application/pdf"


def tokens(elements: Sequence[Element], counter: Counter) -> int:
    """Tokens of items that are one message, before calibration. Raises Unreadable."""
    return sum(_element_tokens(element, counter) for element in elements) + TOKENS_PER_MESSAGE


def _element_tokens(element: Element, counter: Counter) -> int:
    said = parts_of(element)
    if said is not None:
        return sum(_part_tokens(part, counter) for part in said)
    kind = element.get("type")
    if element.get("encrypted_content"):
        return counter.opaque(_sealed(element["encrypted_content"]))
    if kind == "image_generation_call" and isinstance(element.get("result"), str):
        return counter.text(element.get("revised_prompt")) + counter.image(element["result"])
    if kind in ("function_call", "custom_tool_call"):
        told = ("namespace", "name", "arguments", "input")
        return sum(counter.text(element.get(key)) for key in told)
    if kind == REASONING:
        return counter.text(_texts(element.get("content")) or _texts(element.get("summary")))
    return counter.text(element)


def _part_tokens(part: Element, counter: Counter) -> int:
    kind = part.get("type")
    if kind in ("input_text", "output_text", "text"):
        return counter.text(part.get("text"))
    if kind == "encrypted_content":
        # openai/codex, context_manager/history.rs, 2026: estimate_encrypted_function_output_length
        return counter.opaque(-(-9 * _length(part.get("encrypted_content")) // 16))
    if kind in ("input_image", "computer_screenshot"):
        return counter.image(image_url_of(part))
    data = part.get("file_data")
    if isinstance(data, str) and data.startswith(_PDF):
        return counter.document(data)
    return counter.file(part)


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
    return len(value) if isinstance(value, str) else 0
