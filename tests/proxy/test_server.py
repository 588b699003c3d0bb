import asyncio
import socket

import pytest
from aiohttp import web

from stitcher.errors import SettingsError
from stitcher.proxy.server import listening
from stitcher.settings import Settings
from tests.proxy.raw import ask, connection, request, run


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


def app() -> web.Application:
    made = web.Application()
    made.router.add_get("/", hello)
    return made


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_port_zero_takes_a_free_one(host: str) -> None:
    async def story() -> None:
        async with listening(app(), Settings(host=host, port=0)) as url:
            assert not url.endswith(":0")
            assert (await ask(url, "GET", "/")).body == b"hello"

    run(story())


def test_port_in_use_is_named() -> None:
    async def story(port: int) -> str:
        with pytest.raises(SettingsError) as caught:
            async with listening(app(), Settings(port=port)):
                pass
        return str(caught.value)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port: found {port} in use by another program" in run(story(port))


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_address_of_another_machine_is_named(host: str) -> None:
    async def story() -> str:
        with pytest.raises(SettingsError) as caught:
            async with listening(app(), Settings(host=host, port=0)):
                pass
        return str(caught.value)

    assert f"host: found {host}, expected an address of this machine" in run(story())


def test_running_request_is_finished_before_the_end() -> None:
    async def story() -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def slow(request: web.Request) -> web.Response:
            reached.set()
            await go_on.wait()
            return web.Response(text="done")

        made = web.Application()
        made.router.add_get("/slow", slow)
        serving = listening(made, Settings(port=0))
        url = await serving.__aenter__()
        async with connection(url) as client, asyncio.TaskGroup() as group:
            await client.send(request("GET", "/slow"))
            await reached.wait()
            closing = group.create_task(serving.__aexit__(None, None, None))
            while True:  # until nothing new is accepted
                try:
                    async with connection(url):
                        await asyncio.sleep(0)
                except OSError:
                    break
            assert not closing.done()
            go_on.set()
            assert (await client.message()).body == b"done"

    run(story())
