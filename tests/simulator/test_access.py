import pytest

from stitcher.simulator.access import access_refusal, credential, speaks_anthropic

VERSION = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("path", "headers", "anthropic"),
    [
        ("/v1/messages", {}, True),
        ("/v1/chat/completions", {"x-api-key": "k"}, False),
        ("/v1/models", VERSION, True),
        ("/v1/models", {"authorization": "Bearer k"}, False),
    ],
)
def test_whose_manner_is_asked_for(path: str, headers: dict[str, str], anthropic: bool) -> None:
    assert speaks_anthropic(path, headers) is anthropic


def test_a_credential_is_a_bearer_token_or_a_key() -> None:
    assert credential({"authorization": "bearer k"}) == "k"
    assert credential({"x-api-key": "k"}) == "k"
    assert credential({"authorization": "Bearer "}) == ""
    assert credential({"authorization": "Basic k"}) == ""


@pytest.mark.parametrize(
    ("path", "headers", "size", "status"),
    [
        ("/v1/chat/completions", {}, 0, 401),
        ("/v1/messages", VERSION, 0, 401),
        ("/v1/messages", {"x-api-key": "k"}, 0, 400),
        ("/v1/messages", {"x-api-key": "k", **VERSION}, 33 << 20, 413),
        ("/v1/messages", {"x-api-key": "k", **VERSION}, 1, None),
        ("/v1/chat/completions", {"authorization": "Bearer k"}, 33 << 20, None),
    ],
)
def test_who_is_refused(path: str, headers: dict[str, str], size: int, status: int | None) -> None:
    refusal = access_refusal(path, headers, size)
    assert (refusal.status if refusal else None) == status
