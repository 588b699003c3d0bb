"""The whole proxy, put together as it is shipped."""

import asyncio
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stitcher.errors import DataDirLocked, SettingsError
from stitcher.proxy.serve import serving
from stitcher.settings import Settings
from stitcher.store.lock import owner
from tests.proxy.raw import Call, ask, connection, provider, request, run

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
ANSWER = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}]}
).encode()


async def answering(call: Call) -> None:
    await call.answer(ANSWER, "Content-Type: application/json")


def settings(upstream: str, data_dir: Path, **changed: Any) -> Settings:
    values = {"port": 0, "upstream": upstream, "data_dir": data_dir, **changed}
    return Settings(**values)


def test_a_conversation_is_kept_across_a_restart(tmp_path: Path) -> None:
    async def turn(url: str) -> dict[str, str]:
        async with serving(settings(url, tmp_path)) as proxy:
            answer = await ask(
                proxy, "POST", "/v1/chat/completions", "X-Stitcher-Session: s", body=BODY
            )
            assert answer.body == ANSWER
            return {name.lower(): value for name, value in answer.headers}

    async def story() -> None:
        async with provider(answering) as upstream:
            first, second = await turn(upstream.url), await turn(upstream.url)
            assert (first["x-stitcher-session"], first["x-stitcher-restored"]) == ("s", "0")
            assert second["x-stitcher-restored"] == "2"
            assert len(json.loads(upstream.requests[1].body)["messages"]) == 3

    run(story())


def test_what_is_kept_alive_does_not_keep_the_process(tmp_path: Path) -> None:
    counted = {"input_tokens": 9, "cache_creation_input_tokens": 900, "cache_read_input_tokens": 0}
    said = {"type": "message", "content": [{"type": "text", "text": "yes"}], "usage": counted}
    system = [{"type": "text", "text": "Be brief. " * 400, "cache_control": {"type": "ephemeral"}}]
    body = {"model": "claude-opus-5-5", "max_tokens": 9, "system": system}
    body["messages"] = [{"role": "user", "content": "hi"}]

    def timers() -> list[object]:
        return [task for task in asyncio.all_tasks() if "WarmKeeper" in repr(task.get_coro())]

    async def says_yes(call: Call) -> None:
        await call.answer(json.dumps(said).encode(), "Content-Type: application/json")

    async def story() -> None:
        async with provider(says_yes) as upstream:
            made = settings("http://127.0.0.1:9", tmp_path, keep_alive=True)
            async with serving(replace(made, upstream_anthropic=upstream.url)) as url:
                await ask(url, "POST", "/v1/messages", body=json.dumps(body).encode())
                answer = await ask(url, "GET", "/v1/stitcher/stats")
                kept = json.loads(answer.body)["keep_alive"]
                assert kept == {"pings": 0, "usd": 0, "limit": 1.0}
                assert len(timers()) == 1, "it would wait for nearly five minutes"
            assert timers() == []
            assert len(upstream.requests) == 1

    run(story())


def test_owner_of_the_data_directory_is_published(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(settings("http://127.0.0.1:9", tmp_path)) as url:
            found = owner(tmp_path)
            assert found is not None
            assert found.url == url
            with pytest.raises(DataDirLocked):
                async with serving(settings("http://127.0.0.1:9", tmp_path)):
                    pass
        assert owner(tmp_path) is None

    run(story())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1"])
def test_open_bind_without_a_secret_is_refused(host: str, tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(SettingsError, match="proxy token"):
            async with serving(settings("http://127.0.0.1:9", tmp_path / "x", host=host)):
                pass

    run(story())
    assert not (tmp_path / "x").exists()


def test_a_port_that_is_taken_leaves_the_data_directory_free(tmp_path: Path) -> None:
    async def story() -> None:
        async with provider() as taken:
            port = int(taken.url.rpartition(":")[2])
            with pytest.raises(SettingsError, match="in use"):
                async with serving(settings("http://127.0.0.1:9", tmp_path, port=port)):
                    pass
        assert owner(tmp_path) is None

    run(story())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_a_running_request_finish(number: signal.Signals, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from stitcher.settings import Settings;"
        "from stitcher.proxy.serve import run;"
        "run(Settings(port=0, upstream=sys.argv[1], data_dir=Path(sys.argv[2])),"
        " lambda url: print(url, flush=True))"
    )

    async def story() -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow(call: Call) -> None:
            reached.set()
            await go_on.wait()
            await answering(call)

        async with provider(slow) as upstream:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-W", "error", "-c", program, upstream.url, str(tmp_path)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().strip()
            async with connection(url) as client:
                await client.send(request("POST", "/v1/chat/completions", body=BODY))
                await reached.wait()
                process.send_signal(number)
                while True:  # until nothing new is accepted
                    try:
                        async with connection(url):
                            await asyncio.sleep(0.01)
                    except OSError:
                        break
                go_on.set()
                assert (await client.message()).body == ANSWER
            _, errors = await process.communicate()
            assert (process.returncode, errors) == (0, b"")
            assert owner(tmp_path) is None

    run(story())
