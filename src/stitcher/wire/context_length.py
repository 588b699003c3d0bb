"""What servers of OpenAI's APIs say of a request that does not fit the model's context window."""

_SIGNS = (b"context_length_exceeded", b"maximum context length", b"exceed_context_size")


def too_long(status: int, body: bytes) -> bool:
    """Error code context_length_exceeded; llama.cpp and vLLM say it in words."""
    if status not in (400, 413, 422):
        return False
    lower = body.lower()
    return any(sign in lower for sign in _SIGNS)
