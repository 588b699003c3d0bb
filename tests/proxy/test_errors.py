import json

import pytest

from stitcher import errors as tree
from stitcher.proxy.errors import Forbidden, error_body, message_of, status_of

ERRORS = [
    (tree.ClientError("x"), 400, "bad_request", "invalid_request_error"),
    (tree.NotAuthorised("x"), 401, "not_authorised", "authentication_error"),
    (Forbidden("x"), 403, "forbidden", "permission_error"),
    (tree.BodyTooLarge(found=2, limit=1), 413, "request_too_large", "request_too_large"),
    (tree.UpstreamError("x"), 502, "upstream_error", "api_error"),
    (tree.UpstreamTimeout("x"), 504, "upstream_timeout", "timeout_error"),
    (tree.StoreError("x"), 500, "internal_error", "api_error"),
    (tree.DataDirLocked("x"), 500, "internal_error", "api_error"),
]


@pytest.mark.parametrize(("error", "status", "code", "kind"), ERRORS)
def test_every_error_in_both_shapes(
    error: tree.StitcherError, status: int, code: str, kind: str
) -> None:
    message = message_of(error)
    assert message.startswith("stitcher: ")
    assert status_of(error) == status
    assert json.loads(error_body("openai", status, message, "r")) == {
        "error": {
            "message": message,
            "type": "invalid_request_error" if status < 500 else "server_error",
            "param": None,
            "code": code,
        }
    }
    assert json.loads(error_body("anthropic", status, message, "r")) == {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "r",
    }


def test_unknown_exceptions_say_nothing() -> None:
    error = ValueError("sk-secret")
    assert status_of(error) == 500
    assert message_of(error) == "stitcher: an error inside the proxy; its log says where"


def test_any_text_makes_a_body() -> None:
    assert json.loads(error_body("openai", 400, "\udcff\0é", "r"))["error"]["message"]
