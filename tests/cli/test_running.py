"""Speaking to the proxy that runs: with its token, past any proxy of the environment."""

import pytest

from stitcher.cli import running
from stitcher.errors import StitcherError
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from stitcher.tenants import TenantPerCredential, load_tenant_key
from tests.cli.conftest import Command
from tests.cli.proxy_stand_in import StandIn

PATH = "/v1/stitcher/sessions/"


def test_purge_goes_through_the_running_proxy(stitcher: Command) -> None:
    stitcher.write_session("a/é", {"type": "message", "message": {}})
    stitcher.write_config(proxy_token="secret")
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["DELETE", f"{PATH}a%2F%C3%A9?tenant=local"] = (200, {"purged": True})
        result = stitcher("sessions", "purge", "a/é", "--yes")
    assert result.exit_code == 0
    method, path, headers = proxy.asked[-1]
    assert (method, path) == ("DELETE", f"{PATH}a%2F%C3%A9?tenant=local")
    assert headers["x-stitcher-token"] == "secret"
    assert "authorization" not in headers
    assert "a/é" in stitcher("sessions").stdout, "only the proxy may remove it"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, {}), "'s' was already gone"),
        ((401, {"error": {"message": "no token"}}), "did not purge it: HTTP 401, no token"),
        ((500, {"error": "broken"}), "did not purge it: HTTP 500, broken"),
        ((503, ["?"]), "did not purge it: HTTP 503"),
    ],
)
def test_what_the_proxy_says_is_passed_on(
    stitcher: Command, answer: tuple[int, object], message: str
) -> None:
    stitcher.write_session("s", {"type": "message", "message": {}})
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["DELETE", f"{PATH}s?tenant=local"] = answer
        result = stitcher("sessions", "purge", "s", "--yes")
    assert result.exit_code == 1
    assert message in result.stderr


def test_another_tenants_session_is_asked_for_with_its_key_or_not_at_all(
    stitcher: Command,
) -> None:
    stitcher.sessions.mkdir(parents=True)
    tenant = TenantPerCredential(load_tenant_key(stitcher.sessions)).of("sk-mine")
    key = SessionKey(tenant, "s")
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["DELETE", f"{PATH}s?tenant={tenant}"] = (200, {})
        settings = Settings(data_dir=stitcher.sessions, tenancy="key", api_key="sk-other")
        with pytest.raises(StitcherError, match="none of the keys"):
            running.purge(proxy.url, key, settings)
        with pytest.raises(StitcherError, match="belongs to no key"):
            running.purge(proxy.url, SessionKey("local", "s"), settings)
        assert proxy.asked == []
        mine = Settings(data_dir=stitcher.sessions, tenancy="key", api_key_anthropic="sk-mine")
        assert running.purge(proxy.url, key, mine)
        assert proxy.asked[0][2]["authorization"] == "Bearer sk-mine"


def test_a_proxy_of_the_environment_is_not_asked(
    stitcher: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with StandIn(stitcher.sessions) as proxy:
        running.check_answering(proxy.url, Settings())


def test_nobody_there() -> None:
    with pytest.raises(running.NotAnswering, match="does not answer"):
        running.check_answering("http://127.0.0.1:9", Settings())


def test_stats_that_are_none() -> None:
    assert running._decoded(b"not json") is None


def test_stats_of_something_else(stitcher: Command) -> None:
    with StandIn(stitcher.sessions) as proxy:
        proxy.answers["GET", "/v1/stitcher/stats"] = (200, ["what"])
        with pytest.raises(running.NotAnswering, match="expected 200 with JSON"):
            running.stats(proxy.url, Settings())
