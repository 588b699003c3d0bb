"""Writes an error in the shape of the client's dialect. Pure.

OpenAI:    {"error": {"message", "type", "param", "code"}}
Anthropic: {"type": "error", "error": {"type", "message"}, "request_id"}
(the providers' API references, November 2026). Every message begins with `stitcher: `, so that
nobody looks for the fault at the provider. Refuses to know exceptions it was not given a class
for: what they say stays here.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from stitcher.errors import ClientError, StitcherError
from stitcher.proxy.routes import Provider


class Forbidden(ClientError):
    """The request comes from where this proxy does not take requests from."""

    status = 403


class WrongTenant(ClientError):
    """What is named belongs to another tenant than the caller."""

    status = 409


class NotFound(ClientError):
    """Below our own prefix there is no such thing."""

    status = 404


class MethodNotAllowed(ClientError):
    """One of our own endpoints, asked in a way it does not have."""

    status = 405


class RequestTimeout(ClientError):
    """The request stopped coming before it was complete."""

    status = 408


class TooManyWaiting(ClientError):
    """A connection that answers one request after the other was given too many at once."""

    status = 429


class Cancelled(ClientError):
    """The client took its request back (the status is the one nginx logs for that)."""

    status = 499


class UpgradeRefused(ClientError):
    """A WebSocket where only plain requests are served."""

    status = 426


_OPENAI_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "not_authorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "request_too_large",
    426: "upgrade_refused",
    429: "too_many_waiting",
    499: "cancelled",
    500: "internal_error",
    502: "upstream_error",
    504: "upstream_timeout",
}
_ANTHROPIC_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    504: "timeout_error",
}


def status_of(error: BaseException) -> int:
    """The HTTP status of an error; 500 for one that is not ours."""
    return error.status if isinstance(error, StitcherError) else HTTPStatus.INTERNAL_SERVER_ERROR


def message_of(error: BaseException) -> str:
    """What may be said of an error: its own words if they are ours, else nothing of it."""
    if isinstance(error, StitcherError):
        return f"stitcher: {error}"
    return "stitcher: an error inside the proxy; its log says where"


def error_body(provider: Provider, status: int, message: str, request_id: str) -> bytes:
    """The JSON body of an error answer."""
    ours = status < HTTPStatus.INTERNAL_SERVER_ERROR
    if provider == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "invalid_request_error" if ours else "api_error")
        error = {"type": kind, "message": message}
        return _json({"type": "error", "error": error, "request_id": request_id})
    kind = "invalid_request_error" if ours else "server_error"
    code = _OPENAI_CODES.get(status)
    return _json({"error": {"message": message, "type": kind, "param": None, "code": code}})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
