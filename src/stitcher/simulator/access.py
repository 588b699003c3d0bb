"""Who is asking, and in which provider's manner: credentials, required headers, size limits.

Knows nothing of bodies beyond their size.
"""

from collections.abc import Mapping

from stitcher.simulator.refusal import Refusal

# "Standard endpoints (Messages, Token Counting): 32 MB" (errors page); OpenAI publishes none.
_LARGEST_ANTHROPIC = 32 * 1024 * 1024


def speaks_anthropic(path: str, headers: Mapping[str, str]) -> bool:
    """Which of the two providers an endpoint that both have is asked for."""
    if path.startswith(("/v1/chat", "/v1/responses", "/v1/conversations", "/v1/embeddings")):
        return False
    return (
        path.startswith("/v1/messages") or "anthropic-version" in headers or "x-api-key" in headers
    )


def credential(headers: Mapping[str, str]) -> str:
    """The key, which is also what a cache entry belongs to; empty when there is none."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or headers.get("x-api-key", "").strip()


def betas(headers: Mapping[str, str]) -> list[str]:
    """The betas that are asked for, which are part of what a prompt depends on."""
    names = headers.get("anthropic-beta", "").split(",")
    return [name.strip() for name in names if name.strip()]


def access_refusal(path: str, headers: Mapping[str, str], size: int) -> Refusal | None:
    if speaks_anthropic(path, headers):
        return _anthropic_refusal(headers, size)
    if not credential(headers):
        return Refusal(
            401,
            "invalid_request_error",
            "You didn't provide an API key. You need to provide your API key in an Authorization "
            "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        )
    return None


def _anthropic_refusal(headers: Mapping[str, str], size: int) -> Refusal | None:
    if not credential(headers):
        return Refusal(401, "authentication_error", "x-api-key header is required")
    if "anthropic-version" not in headers:
        return Refusal(400, "invalid_request_error", "anthropic-version: header is required")
    if size > _LARGEST_ANTHROPIC:
        return Refusal(413, "request_too_large", "Request exceeds the maximum size")
    return None
