"""The endpoints beside the dialects: models, embeddings, files. Small, deterministic, typed right.

Knows nothing of conversations.
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from stitcher.simulator.counting import text_tokens
from stitcher.simulator.refusal import Refusal

OPENAI_MODELS = (
    "gpt-4o", "gpt-5.5", "gpt-6", "sim-small", "sim-ctx-2000", "deepseek-chat", "gemini-sim",
    "vllm-sim", "sglang-sim", "llama-sim", "ollama-sim",
)  # fmt: skip
ANTHROPIC_MODELS = (
    "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5", "claude-sim", "claude-sim-ctx-2000",
)  # fmt: skip
_CREATED = 1_767_225_600
_DIMENSIONS = 16


def openai_models() -> dict[str, Any]:
    return {"object": "list", "data": [openai_model(name) for name in OPENAI_MODELS]}


def openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "simulated"}


def anthropic_models() -> dict[str, Any]:
    return {
        "data": [anthropic_model(name) for name in ANTHROPIC_MODELS],
        "has_more": False,
        "first_id": ANTHROPIC_MODELS[0],
        "last_id": ANTHROPIC_MODELS[-1],
    }


def anthropic_model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def embeddings(body: Any) -> dict[str, Any] | Refusal:
    """One unit-length vector a text, made from a hash of it."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return Refusal(400, "invalid_request_error", "you must provide a model parameter")
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts:
        return Refusal(
            400, "invalid_request_error", "Missing required parameter: 'input'.", "input",
            "missing_required_parameter",
        )  # fmt: skip
    size = body.get("dimensions") or _DIMENSIONS
    as_base64 = body.get("encoding_format") == "base64"
    tokens = sum(text_tokens(str(text)) for text in texts)
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(str(text), size, as_base64)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _vector(text: str, size: int, as_base64: bool) -> list[float] | str:
    seed = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(size)
    raw = [byte - 127.5 for byte in seed]
    length = sum(value * value for value in raw) ** 0.5
    vector = [value / length for value in raw]
    if not as_base64:
        return vector
    return base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()


def stored_file(
    file_id: str, parts: Sequence[tuple[str, str | None, bytes]], created: int
) -> dict[str, Any] | Refusal:
    """What `POST /v1/files` answers to the parts (name, file name, content) it was sent."""
    upload = next((part for part in parts if part[0] == "file"), None)
    if upload is None:
        return Refusal(400, "invalid_request_error", "Missing required parameter: 'file'.", "file")
    purpose = next(
        (part[2].decode("utf-8", "replace") for part in parts if part[0] == "purpose"), ""
    )
    return {
        "id": file_id,
        "object": "file",
        "bytes": len(upload[2]),
        "created_at": created,
        "filename": upload[1],
        "purpose": purpose,
        "status": "processed",
        "parts": [{"name": name, "filename": file, "bytes": len(b)} for name, file, b in parts],
    }
