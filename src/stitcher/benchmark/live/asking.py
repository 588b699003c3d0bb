"""Sending one request after the other, and what each answer says of the cache.

The only module of the benchmark that speaks HTTP. A key goes into one header and nowhere else.
"""

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from stitcher.benchmark.live.answer import Answer
from stitcher.benchmark.live.ollama_log import OllamaLog
from stitcher.benchmark.live.providers import Body, Provider
from stitcher.errors import StitcherError
from stitcher.providers.usage import CacheUsage, cache_usage, input_tokens

_SECONDS: Final = 600  # Ollama may load its model first
_MOST_WORDS: Final = 500  # characters of what a provider says about an error
_ANY_KEY: Final = "ollama"  # where none is needed, gateways still want a header


class RequestFailed(StitcherError):
    """A request was not answered as it should have been."""


class Line:
    """A connection to a provider: `async with Line(...) as line: await line.ask(body)`."""

    def __init__(
        self, provider: Provider, base_url: str, key: str | None, log: OllamaLog | None = None
    ) -> None:
        self._provider = provider
        self._url = base_url.rstrip("/") + provider.path
        self._key = key
        self._log = log

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={
                **self._provider.headers(self._key or _ANY_KEY),
                "Content-Type": "application/json",
            },
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def ask(self, body: Body) -> Answer:
        """Sends one request. Raises RequestFailed, or NothingLogged."""
        begun = time.monotonic()
        status, said = await self._sent(body)
        seconds = time.monotonic() - begun
        document = _object(said)
        if status != 200:
            raise RequestFailed(self._hidden(f"the provider answered {status}: {_words(said)}"))
        usage = document.get("usage")
        if not isinstance(usage, Mapping):
            raise RequestFailed("the answer has no `usage`, expected the tokens it was billed for")
        counted, told = await self._counted(usage)
        return Answer(counted, _output(usage), seconds, told)

    async def _sent(self, body: Body) -> tuple[int, str]:
        data = json.dumps(body, ensure_ascii=False).encode()
        try:
            # A redirect would take the key elsewhere.
            async with self._session.post(self._url, data=data, allow_redirects=False) as answer:
                return answer.status, await answer.text(errors="replace")
        except TimeoutError:
            raise RequestFailed(f"{self._url}: no answer within {_SECONDS} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise RequestFailed(self._hidden(f"{self._url}: {reason}")) from None

    async def _counted(self, usage: Mapping[str, object]) -> tuple[CacheUsage, bool]:
        total = input_tokens(usage)
        if self._log is not None:
            logged = await self._log.latest(total)
            return CacheUsage(logged.cached, 0, logged.total - logged.cached), True
        if total is None:
            raise RequestFailed("the answer's `usage` has no count of input tokens")
        counted = cache_usage(usage)
        # Some leave the count out where nothing was read.
        return counted or CacheUsage(0, 0, total), counted is not None

    def _hidden(self, text: str) -> str:
        """The text without the key, which some providers repeat when they refuse it."""
        return text.replace(self._key, "***") if self._key else text


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(text: str) -> str:
    """What a provider says about an error: its message, or all of it where there is none."""
    error = _object(text).get("error")
    message = error.get("message") if isinstance(error, dict) else error
    said = message if isinstance(message, str) else text
    return " ".join(said.split())[:_MOST_WORDS] or "nothing"


def _output(usage: Mapping[str, object]) -> int:
    found = (usage.get(name) for name in ("completion_tokens", "output_tokens"))
    return next((count for count in found if isinstance(count, int)), 0)
