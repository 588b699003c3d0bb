"""The proxy between a provider and a client, with an exchange that tests can write."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from stitcher.ports import Incoming, Reply
from stitcher.proxy.app import create_app
from stitcher.proxy.server import listening
from stitcher.proxy.upstream import HttpUpstream
from stitcher.settings import Settings
from stitcher.store.protocol import SessionKey
from tests.proxy.raw import Provider

Converse = Callable[[HttpUpstream, Incoming, Reply], Awaitable[None]]


async def forward(upstream: HttpUpstream, incoming: Incoming, reply: Reply) -> None:
    """What an exchange without memory does."""
    async with upstream.send(incoming, incoming.body) as answer:
        await reply.start(answer.status, [*answer.headers, ("X-Stitcher-Status", "passthrough")])
        async for chunk in answer.chunks():
            await reply.write(chunk)
        await reply.finish()


@dataclass
class WrittenExchange:
    """Converses as it was told to, and remembers what it was given."""

    upstream: HttpUpstream
    converses: Converse = forward
    incoming: list[Incoming] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sessions: set[SessionKey] = field(default_factory=set)

    async def converse(self, incoming: Incoming, reply: Reply) -> None:
        self.incoming.append(incoming)
        await self.converses(self.upstream, incoming, reply)

    async def stats(self, tenant: str) -> Mapping[str, object]:
        self.asked.append(tenant)
        return {"sessions": sum(key.tenant == tenant for key in self.sessions)}

    async def purge(self, key: SessionKey) -> bool:
        found = key in self.sessions
        self.sessions.discard(key)
        return found


@dataclass
class Stage:
    url: str
    settings: Settings
    exchange: WrittenExchange


@asynccontextmanager
async def stage(
    provider: Provider | str, converses: Converse = forward, **changed: Any
) -> AsyncGenerator[Stage]:
    base = provider if isinstance(provider, str) else provider.url
    values = {"port": 0, "upstream": base, "upstream_anthropic": base, **changed}
    settings = Settings(**values)
    upstream = HttpUpstream(settings)
    exchange = WrittenExchange(upstream, converses)
    try:
        async with listening(create_app(settings, exchange, upstream), settings) as url:
            yield Stage(url, settings, exchange)
    finally:
        await upstream.close()
