"""Our own endpoints, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from stitcher import __version__
from stitcher.store.protocol import SessionKey
from tests.proxy.raw import Message, ask, connection, provider, request, run
from tests.proxy.stage import stage


def answered(method: str, target: str, *headers: str, **settings: Any) -> Message:
    async def story() -> Message:
        async with provider() as upstream, stage(upstream, **settings) as proxy:
            answer = await ask(proxy.url, method, target, *headers)
            assert upstream.requests == []
            return answer

    return run(story())


def test_health_is_open_to_everybody() -> None:
    answer = answered("GET", "/healthz", "Host: evil.test", proxy_token="T0")
    assert json.loads(answer.body) == {"status": "ok", "version": __version__}
    assert answered("HEAD", "/healthz").status == 200
    refused = answered("POST", "/healthz")
    assert (refused.status, refused.get("allow")) == (405, "GET, HEAD")


def test_stats_are_of_the_callers_tenant(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream, tenancy="key", data_dir=tmp_path) as proxy,
        ):
            for key in ("sk-a", "sk-b"):
                answer = await ask(
                    proxy.url, "GET", "/v1/stitcher/stats", f"Authorization: Bearer {key}"
                )
                assert json.loads(answer.body) == {"sessions": 0}
            assert len(set(proxy.exchange.asked)) == 2
            assert (await ask(proxy.url, "GET", "/v1/stitcher/stats")).status == 401

    run(story())


def test_purge_reaches_only_the_callers_own_session() -> None:
    target = "/v1/stitcher/sessions/..%2Fa%20b"

    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            other = SessionKey("somebody", "../a b")
            proxy.exchange.sessions = {SessionKey("local", "../a b"), other}
            answer = await ask(proxy.url, "DELETE", target)
            assert json.loads(answer.body) == {"session": "../a b", "purged": True}
            assert (await ask(proxy.url, "DELETE", target)).status == 404
            assert proxy.exchange.sessions == {other}
            assert (await ask(proxy.url, "GET", target)).status == 405

    run(story())


def test_who_means_another_tenants_session_purges_none() -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            kept = {SessionKey("local", "s"), SessionKey("somebody", "s")}
            proxy.exchange.sessions = set(kept)
            answer = await ask(proxy.url, "DELETE", "/v1/stitcher/sessions/s?tenant=somebody")
            assert answer.status == 409
            assert proxy.exchange.sessions == kept
            answer = await ask(proxy.url, "DELETE", "/v1/stitcher/sessions/s?tenant=local")
            assert answer.status == 200

    run(story())


@pytest.mark.parametrize("path", ["/v1/stitcher/", "/v1/stitcher/secrets", "/stitcher/sessions/"])
def test_nothing_of_ours_is_asked_of_a_provider(path: str) -> None:
    answer = answered("GET", path)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "not_found")


def test_our_own_endpoints_have_no_websocket() -> None:
    answer = answered(
        "GET",
        "/stitcher/stats",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    assert (answer.status, answer.get("upgrade")) == (426, "HTTP/1.1")
    assert "expected a plain HTTP request" in json.loads(answer.body)["error"]["message"]


def test_other_upgrades_are_ignored() -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            headers = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"]
            assert (await ask(proxy.url, "GET", "/v1/models", *headers)).status == 200
            assert [name for name, _ in upstream.requests[0].headers] == ["Host"]

    run(story())


def test_counting_tokens_is_relayed_and_never_a_conversation() -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            target = "/v1/v1/messages/count_tokens?beta=true&session=s"
            answer = await ask(proxy.url, "POST", target, body=b"{}")
            assert answer.headers == [("Content-Length", "2")]
            assert proxy.exchange.incoming == []
            assert upstream.requests[0].target == "/v1/messages/count_tokens?beta=true"

    run(story())


@pytest.mark.parametrize("target", ["/v1/stitcher/stats", "/v1/messages/count_tokens"])
def test_pages_from_elsewhere_are_refused(target: str) -> None:
    method = "GET" if "stats" in target else "POST"
    assert answered(method, target, "Origin: https://evil.test").status == 403


def test_foreign_host_is_refused_on_every_path() -> None:
    assert answered("GET", "/v1/models", "Host: evil.test").status == 403


def test_missing_token_is_refused_on_every_path() -> None:
    refused = answered("GET", "/v1/models", proxy_token="T0")
    assert (refused.status, refused.get("www-authenticate")) == (401, 'Bearer realm="stitcher"')


def test_unexpected_fault_has_no_details(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:

            async def broken(tenant: str) -> dict[str, object]:
                raise ValueError("sk-secret")

            monkeypatch.setattr(proxy.exchange, "stats", broken)
            answer = await ask(proxy.url, "GET", "/v1/stitcher/stats")
            assert answer.status == 500
            assert b"sk-secret" not in answer.body
            assert b"Traceback" not in answer.body

    run(story())


def test_connection_serves_on_after_an_error() -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream, max_body=1024) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("POST", "/v1/messages", body=b"x" * 100_000))
            assert (await client.message()).status == 413
            await client.send(request("GET", "/v1/models"))
            assert (await client.message()).status == 200

    run(story())


@pytest.mark.parametrize(
    "raw", [b"garbage\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"]
)
def test_what_is_not_http_is_answered_400(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(raw)
            assert (await client.head()).status == 400

    run(story())
    assert "Traceback" not in caplog.text
    assert "garbage" not in caplog.text
