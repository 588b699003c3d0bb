from typing import Any

import pytest

from stitcher.errors import NotAuthorised
from stitcher.ports import Headers
from stitcher.proxy.access import Gate, is_local
from stitcher.proxy.errors import Forbidden
from stitcher.proxy.routes import Provider
from stitcher.settings import Settings

KEYS: dict[str, Any] = {"api_key": "sk-ours", "api_key_anthropic": "sk-ant-ours"}


def admitted(
    headers: Headers, provider: Provider = "openai", *, guarded: bool = True, **settings: Any
) -> tuple[Headers, str | None]:
    admission = Gate(Settings(**settings)).admit(headers, provider, guarded=guarded)
    return admission.headers, admission.credential


# Credentials


def test_clients_own_key_is_left_alone() -> None:
    sent = [("authorization", "Bearer sk-client"), ("A", "b")]
    assert admitted(sent, **KEYS) == (sent, "sk-client")


@pytest.mark.parametrize(
    ("provider", "carried"),
    [("openai", ("Authorization", "Bearer sk-ours")), ("anthropic", ("x-api-key", "sk-ant-ours"))],
)
@pytest.mark.parametrize("sent", [[], [("Authorization", "Bearer ")], [("x-api-key", "")]])
def test_configured_key_is_used_when_the_client_has_none(
    provider: Provider, carried: tuple[str, str], sent: Headers
) -> None:
    assert admitted(sent, provider, **KEYS)[0] == [carried]


@pytest.mark.parametrize(
    "header", [("Authorization", "Bearer sk-x"), ("X-Api-Key", "sk-x"), ("api-key", "sk-x")]
)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_either_header_may_carry_the_key(header: tuple[str, str], provider: Provider) -> None:
    assert admitted([header], provider, **KEYS) == ([header], "sk-x")


def test_anthropic_reads_x_api_key_first() -> None:
    both = [("Authorization", "Bearer one"), ("x-api-key", "two")]
    assert admitted(both, "anthropic")[1] == "two"
    assert admitted(both, "openai")[1] == "one"


def test_nothing_configured_nothing_added() -> None:
    assert admitted([("A", "b")]) == ([("A", "b")], None)


# The proxy token


@pytest.mark.parametrize(
    "shown", [("X-Stitcher-Token", "T0"), ("Authorization", "Bearer T0"), ("x-api-key", "T0")]
)
def test_token_is_accepted_and_never_goes_up(shown: tuple[str, str]) -> None:
    headers, credential = admitted([shown, ("A", "b")], proxy_token="T0", **KEYS)
    assert headers == [("A", "b"), ("Authorization", "Bearer sk-ours")]
    assert credential == "T0"


def test_token_beside_the_clients_own_key() -> None:
    sent = [("X-Stitcher-Token", "T0"), ("Authorization", "Bearer sk-client")]
    assert admitted(sent, proxy_token="T0", **KEYS) == ([sent[1]], "sk-client")


@pytest.mark.parametrize(
    "shown",
    [[], [("X-Stitcher-Token", "T1")], [("Authorization", "Bearer sk-x")], [("x-api-key", "T")]],
)
def test_wrong_or_missing_token_is_refused(shown: Headers) -> None:
    with pytest.raises(NotAuthorised, match="X-Stitcher-Token"):
        admitted(shown, proxy_token="T0", **KEYS)


def test_token_without_a_configured_key_leaves_no_credential() -> None:
    assert admitted([("Authorization", "Bearer T0")], proxy_token="T0")[0] == []


def test_per_key_tenancy_alone_lends_nothing() -> None:
    assert admitted([], tenancy="key", **KEYS) == ([], None)


# Web pages


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "http://localhost.evil.test",
        "null",
        "",
        "chrome-extension://abc",
        "http://[",
    ],
)
def test_page_from_elsewhere_may_not_touch_memory(origin: str) -> None:
    with pytest.raises(Forbidden, match="Origin"):
        admitted([("Origin", origin)])


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:5",
        "http://app.localhost",
        "app://x",
    ],
)
def test_page_on_this_machine_may(origin: str) -> None:
    admitted([("Origin", origin)])


def test_passthrough_is_refused_to_a_page_only_with_our_key() -> None:
    page = [("Origin", "https://evil.test")]
    admitted(page, guarded=False)
    with pytest.raises(Forbidden):
        admitted(page, guarded=False, **KEYS)


@pytest.mark.parametrize("settings", [{"proxy_token": "T0"}, {"tenancy": "key"}])
def test_page_that_shows_a_secret_may(settings: dict[str, Any]) -> None:
    admitted(
        [("Origin", "https://app.test"), ("Host", "proxy.test"), ("x-api-key", "T0")], **settings
    )


@pytest.mark.parametrize("host", ["evil.test", "evil.test:8081", "127.0.0.1.evil.test", "1.2.3.4"])
def test_foreign_name_for_loopback_is_refused(host: str) -> None:
    with pytest.raises(Forbidden, match="Host"):
        admitted([("Host", host)], guarded=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8081",
        "localhost.:80",
        "127.0.0.1:8081",
        "127.8.9.1",
        "[::1]:8081",
        "my.localhost",
        "host.docker.internal:8081",
    ],
)
def test_names_of_this_machine_are_accepted(host: str) -> None:
    admitted([("Host", host)])


def test_bound_name_is_accepted() -> None:
    admitted([("Host", "Box.lan:8081")], host="box.lan")


def test_local_names() -> None:
    assert is_local("a.localhost")
    assert not is_local("localhost.test")
