"""OpenAI's errors and headers, the same in both of its dialects. Knows nothing of requests."""

from typing import Any

from stitcher.simulator.refusal import Refusal

_ERROR_TYPES = {
    401: (
        "invalid_request_error",
        "invalid_api_key",
        "Incorrect API key provided. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not allowed."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: (
        "server_error",
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    503: ("server_error", None, "The engine is currently overloaded, please try again later"),
}


def error_body(refusal: Refusal) -> dict[str, Any]:
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.type,
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def error_of_status(status: int, message: str | None) -> Refusal:
    """The provider's error for a status that was asked for."""
    fallback = ("invalid_request_error", None, "Bad request") if status < 500 else None
    kind, code, wording = _ERROR_TYPES.get(status, fallback or _ERROR_TYPES[500])
    return Refusal(status, kind, message or wording, None, code)


def openai_headers(request_id: str) -> dict[str, str]:
    return {
        "x-request-id": request_id,
        "openai-organization": "org-simulated",
        "openai-processing-ms": "1",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999999",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "0s",
    }
