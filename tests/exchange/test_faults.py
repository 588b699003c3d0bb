"""Bad input and bad ends over HTTP: the whole proxy between a real socket and the simulator.

Slow for this suite: 100,000 messages (6 s), the kills (3 s), 100 MB (1 s).
"""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stitcher.errors import DataDirLocked
from stitcher.proxy.serve import serving
from stitcher.settings import Settings
from stitcher.simulator.serve import Fault, SimulatorThread
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import verify
from tests.end_to_end.proxy_process import ProxyProcess
from tests.exchange.messages import assistant, user
from tests.exchange.over_http import HEADERS, SAID, Heard, Stage, ask, body, reading


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with SimulatorThread() as simulator:
        yield Stage(tmp_path / "data", simulator)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"hello",
        b"[]",
        b'{"model": "m"',
        b'{"model": "m", "messages": []}',
        b'{"model": "m", "messages": 5}',
        b'{"model": "m", "messages": [{"role": "martian", "content": "hi"}]}',
        b'{"model": "m", "messages": [{"role": "user", "content": 5}]}',
        b'{"messages": [{"role": "user", "content": "\xff"}]}',
        b"[" * 100_000,
    ],
    ids=["nothing", "text", "list", "half", "empty", "counted", "role", "number", "utf8", "deep"],
)
def test_a_body_nobody_understands_is_refused_by_the_provider(
    stage: Stage, dialect: str, sent: bytes
) -> None:
    sent = sent.replace(b'"messages"', f'"{SAID[dialect]}"'.encode())
    (heard,) = stage.says(dialect, sent)
    assert heard.status == 400
    assert heard.error_shape(dialect)
    assert heard.said.startswith("bypass; ")
    assert stage.simulator.requests[0].body == sent


@pytest.mark.parametrize("name", ["../../x", "a%2Fb", "%F0%9F%A7%B5", "x" * 5_000, "%FF"])
def test_any_session_name_in_the_query(stage: Stage, dialect: str, name: str) -> None:
    first, second = stage.says(
        dialect,
        body(dialect, [user("one")]),
        body(dialect, [user("[[count]]")]),
        query=f"?session={name}",
    )
    assert (first.status, second.status) == (200, 200)
    assert second.headers["x-stitcher-restored"] == "2"
    assert b"I received 3 messages" in second.body
    assert {path.name for path in stage.settings.data_dir.parent.iterdir()} == {"data"}


def test_a_name_with_a_nul_in_it(stage: Stage, dialect: str) -> None:
    """No store could keep it; said before anything is sent."""
    (heard,) = stage.says(dialect, body(dialect, [user("one")]), query="?session=%00")
    assert heard.status == 400
    assert heard.error_shape(dialect)
    assert stage.simulator.requests == []


def test_an_emoji_in_the_header(stage: Stage) -> None:
    (heard,) = stage.says(
        "openai_chat", body("openai_chat", [user("one")]), **{"X-Stitcher-Session": "\U0001f9f5"}
    )
    assert heard.status == 200


def test_an_unknown_field_is_the_providers_affair(stage: Stage, dialect: str) -> None:
    (heard,) = stage.says(dialect, body(dialect, [user("one")], future="x"))
    assert heard.status == 400
    assert heard.error_shape(dialect)
    assert b"future" in heard.body


def test_a_message_of_5_mb(stage: Stage, dialect: str) -> None:
    large = "x" * 5_000_000
    first, second = stage.says(
        dialect,
        body(dialect, [user(large)], model="sim-large"),
        body(dialect, [user("[[count]]")], model="sim-large"),
        **{"X-Stitcher-Session": "s"},
    )
    assert (first.status, second.status) == (200, 200)
    with reading(stage.settings.data_dir) as store:
        assert verify(store, SessionKey("local", "s")).problems == ()


def test_a_body_of_100_mb(stage: Stage) -> None:
    (heard,) = stage.says("openai_chat", b'{"model": "m", "messages": ' + b" " * 100_000_000)
    assert heard.status == 400
    assert heard.error_shape("openai_chat")


def test_a_body_larger_than_is_read(stage: Stage, dialect: str) -> None:
    stage.settings = Settings(**{**_given(stage.settings), "max_body": 2_000})
    (heard,) = stage.says(dialect, body(dialect, [user("x" * 4_000)]))
    assert heard.status == 413
    assert heard.error_shape(dialect)
    assert stage.simulator.requests == []


def _given(settings: Settings) -> dict[str, Any]:
    return {each.name: getattr(settings, each.name) for each in fields(Settings)}


def test_100_000_messages_hold_nobody_else_up(stage: Stage) -> None:
    pair = [user("q"), assistant("a")]
    many = body("openai_chat", [*(pair * 50_000), user("[[count]]")])
    # The provider reads them, too.
    stage.settings = Settings(**{**_given(stage.settings), "first_byte_timeout": 60.0})

    async def story() -> tuple[Heard, float]:
        async with serving(stage.settings) as url, aiohttp.ClientSession() as http:
            sent = {**HEADERS["openai_chat"], "X-Stitcher-Session": "s"}
            asked = asyncio.ensure_future(ask(http, url + "/v1/chat/completions", many, sent))
            longest, clock = 0.0, asyncio.get_running_loop().time
            while not asked.done():
                before = clock()
                await asyncio.sleep(0.01)
                longest = max(longest, clock() - before)
            return await asked, longest

    heard, longest = asyncio.run(asyncio.wait_for(story(), 100))
    assert heard.status == 200
    assert b"I received 100001 messages" in heard.body
    assert longest < 2.5  # one step of it, on a busy machine; all of it takes longer than that


def test_a_broken_byte_in_a_stream_passes(stage: Stage, dialect: str) -> None:
    first, second = stage.says(
        dialect,
        body(dialect, [user("[[bad-utf8]] [[long 20]]")], stream=True),
        body(dialect, [user("[[count]]")]),
        **{"X-Stitcher-Session": "s"},
    )
    assert (first.status, second.status) == (200, 200)
    with pytest.raises(UnicodeDecodeError):
        first.body.decode()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(refuse=True),
        Fault(garbage=True),
        Fault(cut_after=0),
        Fault(cut_after=2),
        Fault(error_event=True),
    ],
    ids=["refuses", "garbage", "closes", "closes later", "error event"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_fails(stage: Stage, dialect: str, fault: Fault, stream: bool) -> None:
    stage.simulator.script(fault)
    asked = body(dialect, [user("one")], stream=stream)
    first, second = stage.says(dialect, asked, asked, **{"X-Stitcher-Session": "s"})
    assert first.status in (200, 500, 502)
    if first.status >= 500:
        assert first.error_shape(dialect)
    assert second.status == 200
    assert second.headers["x-stitcher-restored"] == "0"  # the same question, asked again


def test_a_provider_that_is_not_there(stage: Stage, dialect: str) -> None:
    stage.settings = Settings(
        **{
            **_given(stage.settings),
            "upstream": "http://127.0.0.1:9",
            "upstream_anthropic": "http://127.0.0.1:9",
        }
    )
    (heard,) = stage.says(dialect, body(dialect, [user("one")]))
    assert heard.status == 502
    assert heard.error_shape(dialect)


def test_a_provider_that_never_answers(stage: Stage, dialect: str) -> None:
    stage.settings = Settings(**{**_given(stage.settings), "first_byte_timeout": 0.2})
    stage.simulator.script(Fault(stall=True))
    (heard,) = stage.says(dialect, body(dialect, [user("one")]))
    assert heard.status == 504
    assert heard.error_shape(dialect)


def test_a_directory_that_another_process_has(stage: Stage) -> None:
    owner = JsonlStore(stage.settings.data_dir)
    try:
        with pytest.raises(DataDirLocked, match="data"):
            stage.says("openai_chat", b"{}")
    finally:
        asyncio.run(owner.close())
    assert stage.says("openai_chat", body("openai_chat", [user("hi")]))[0].status == 200


def test_killed_at_random_moments_of_a_stream_nothing_acknowledged_is_lost(
    tmp_path: Path,
) -> None:
    """SIGKILL while an answer streams; the client asks again, and every message stands once."""
    moments = random.Random(7)
    with ExitStack() as parts:
        simulator = parts.enter_context(SimulatorThread(chunk_delay=0.002))
        proxy = ProxyProcess(tmp_path, simulator.url)
        proxy.start()
        parts.callback(proxy.kill)
        acknowledged: list[str] = []
        for n in range(3):
            asyncio.run(_cut_short(proxy, f"m{n} [[long 60]]", moments.randrange(1, 12)))
            proxy.kill()
            proxy.start()
            heard = asyncio.run(_cut_short(proxy, f"m{n} [[long 60]]", None))
            assert b"[DONE]" in heard
            acknowledged.append(f"m{n} [[long 60]]")
            sent = json.loads(simulator.requests[-1].decoded)["messages"]
            assert [m["content"] for m in sent if m["role"] == "user"] == acknowledged
            assert len(sent) == 2 * n + 1
        proxy.command("verify")


async def _cut_short(proxy: ProxyProcess, text: str, after: int | None) -> bytes:
    """Reads a stream to its end, or only so many pieces of it."""
    target = f"http://127.0.0.1:{proxy.port}/v1/chat/completions"
    headers = {**HEADERS["openai_chat"], "X-Stitcher-Session": "s"}
    sent = body("openai_chat", [user(text)], stream=True)
    heard = b""
    async with (
        aiohttp.ClientSession() as http,
        http.post(target, data=sent, headers=headers) as answer,
    ):
        assert answer.status == 200
        pieces = 0
        async for piece in answer.content.iter_any():
            heard += piece
            pieces += 1
            if pieces == after:
                proxy.kill()
                break
    return heard
