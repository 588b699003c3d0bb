"""Bodies that stop, break off or grow too large, on every way in."""

import asyncio
import json

import pytest

from stitcher.proxy import upload
from tests.proxy.raw import connection, provider, request, run
from tests.proxy.stage import stage

PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/files"]
MODES = ["off", "stitch"]


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LONGEST_PAUSE", 0.1)


def answer_to_upload(path: str, mode: str, framing: str, sent: bytes) -> tuple[int, str]:
    """Status and message after a body that never becomes complete."""

    async def story() -> tuple[int, str]:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            head = [f"X-Stitcher-Mode: {mode}", framing, "Expect: 100-continue"]
            await client.send(request("POST", path, *head))
            assert (await client.head()).status == 100  # the body is being waited for
            await client.send(sent)
            answer = await client.message()
            assert upstream.requests == []
            return answer.status, str(json.loads(answer.body)["error"]["message"])

    return run(story())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        ("Content-Length: 10", b"abc"),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\n"),
        ("Transfer-Encoding: chunked", b"3\r\nabc\r\nzz\r\nnonsense"),
    ],
)
def test_silence_in_a_body_ends(path: str, mode: str, framing: str, sent: bytes) -> None:
    status, message = answer_to_upload(path, mode, framing, sent)
    assert (status, "nothing came for 0.1 s" in message) == (408, True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", PATHS)
def test_client_that_leaves_within_its_body_is_nobodys_error(
    path: str, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with provider() as upstream, stage(upstream) as proxy:
            async with connection(proxy.url) as client:
                head = [f"X-Stitcher-Mode: {mode}", "Content-Length: 10", "Expect: 100-continue"]
                await client.send(request("POST", path, *head))
                await client.head()
                await client.send(b"abc")
            async with connection(proxy.url) as other:
                await other.send(request("GET", "/healthz"))
                assert (await other.message()).status == 200
            assert upstream.requests == []
            assert proxy.exchange.incoming == []

    run(story())
    assert caplog.text == ""


def test_each_piece_restarts_the_patience() -> None:
    async def story() -> None:
        async with (
            provider() as upstream,
            stage(upstream) as proxy,
            connection(proxy.url) as client,
        ):
            await client.send(request("POST", PATHS[0], "Content-Length: 8"))
            for _ in range(8):
                await asyncio.sleep(0.03)
                await client.send(b"x")
            assert (await client.message()).status == 200
            assert proxy.exchange.incoming[0].body == b"x" * 8

    run(story())
