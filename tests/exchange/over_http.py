"""The whole proxy between a real socket and the simulator, for what only shows over HTTP."""

import asyncio
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from stitcher.proxy.serve import serving
from stitcher.settings import Settings
from stitcher.simulator.serve import SimulatorThread
from stitcher.store.jsonl import JsonlStore
from tests.exchange.dialogue import MODELS, PATHS

HEADERS = {
    "openai_chat": {"Authorization": "Bearer sk-test"},
    "openai_responses": {"Authorization": "Bearer sk-test"},
    "anthropic": {"x-api-key": "sk-test", "anthropic-version": "2023-06-01"},
}
SAID = {"openai_chat": "messages", "openai_responses": "input", "anthropic": "messages"}
LIMITS = {
    "openai_chat": "max_completion_tokens",
    "openai_responses": "max_output_tokens",
    "anthropic": "max_tokens",
}


@dataclass
class Heard:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> str:
        return self.headers.get("x-stitcher-status", "")

    def error_shape(self, dialect: str) -> bool:
        """True for an error as the dialect's SDKs expect one, without a word of Python."""
        assert b"Traceback" not in self.body
        error = self.json["error"]
        if dialect == "anthropic":
            return bool(self.json["type"] == "error" and error["type"] and error["message"])
        return bool(error["message"] and error["type"])


class Stage:
    """The proxy in this process, the simulator in a thread."""

    def __init__(self, folder: Path, simulator: SimulatorThread) -> None:
        self.simulator = simulator
        self.settings = Settings(
            port=0,
            upstream=simulator.url,
            upstream_anthropic=simulator.url,
            data_dir=folder,
            durability="os",
            first_byte_timeout=5.0,
        )

    def says(self, dialect: str, *requests: bytes, query: str = "", **headers: str) -> list[Heard]:
        """Sends the bodies one after the other to a proxy started for them."""

        async def story() -> list[Heard]:
            async with serving(self.settings) as url, aiohttp.ClientSession() as http:
                sent = {**HEADERS[dialect], "Content-Type": "application/json", **headers}
                target = url + PATHS[dialect] + query
                return [await ask(http, target, body, sent) for body in requests]

        return asyncio.run(asyncio.wait_for(story(), 60))


async def ask(
    http: aiohttp.ClientSession, target: str, body: bytes, headers: dict[str, str]
) -> Heard:
    async with http.post(target, data=io.BytesIO(body), headers=headers) as answer:
        try:
            content = await answer.read()
        except aiohttp.ClientPayloadError:
            content = b""
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Heard(answer.status, lower, content)


def body(dialect: str, messages: list[dict[str, Any]], **extra: Any) -> bytes:
    made = {"model": MODELS[dialect], SAID[dialect]: messages, LIMITS[dialect]: 50, **extra}
    return json.dumps(made, ensure_ascii=False).encode("utf-8", "surrogatepass")


def reading(folder: Path) -> "_Opened":
    return _Opened(JsonlStore(folder, read_only=True))


@dataclass
class _Opened:
    store: JsonlStore

    def __enter__(self) -> JsonlStore:
        return self.store

    def __exit__(self, *_: object) -> None:
        asyncio.run(self.store.close())
