"""How each client is pointed at Stitcher: the one source of `stitcher integrate` and docs/clients.

The pages are Markdown with `{{places}}`; what is filled in there comes from the settings. Refuses
to know how a page is shown.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from stitcher.addresses import url_of
from stitcher.settings import Settings

TARGETS: Final[Mapping[str, str]] = {
    "claude-code": "Claude Code",
    "openclaw": "OpenClaw",
    "codex": "Codex",
    "cursor": "Cursor",
    "langchain": "LangChain",
    "vercel-ai": "Vercel AI SDK",
    "openai": "OpenAI SDK",
    "anthropic": "Anthropic SDK",
    "generic": "any other client",
}

OPENAI_MODEL: Final = "gpt-6.1-sol"
ANTHROPIC_MODEL: Final = "claude-opus-5-5"

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page(target: str, settings: Settings, *, url: str | None = None) -> str:
    """A client's page for these settings; `url` is where clients reach the proxy instead."""
    base = (url or url_of(settings.host, settings.port)).rstrip("/").removesuffix("/v1")
    text = (files(__name__) / f"{target}.md").read_text(encoding="utf-8")
    places = _places(base, settings) | {"token": _token(target) if settings.proxy_token else ""}
    filled = _PLACE.sub(lambda found: places[found[1]], text)
    return re.sub(r"\n{3,}", "\n\n", filled)


def _places(base: str, settings: Settings) -> dict[str, str]:
    model = settings.model or ""
    openai, anthropic = OPENAI_MODEL, ANTHROPIC_MODEL
    if model.startswith("claude"):
        anthropic = model
    elif model:
        openai = model
    return {
        "base": base,
        "port": str(settings.port),
        "openai_model": openai,
        "anthropic_model": anthropic,
    }


_WAYS: Final[Mapping[str, str]] = {
    "claude-code": 'export ANTHROPIC_CUSTOM_HEADERS="X-Stitcher-Token: YOUR_PROXY_TOKEN"',
    "openclaw": '"headers": {"X-Stitcher-Token": "YOUR_PROXY_TOKEN"}   in each provider',
    "codex": 'http_headers = {"X-Stitcher-Token" = "YOUR_PROXY_TOKEN"}   in the provider',
}


def _token(target: str) -> str:
    way = _WAYS.get(target, "X-Stitcher-Token: YOUR_PROXY_TOKEN   as a header of each request")
    return (
        "\nThis proxy asks for its token. Send it beside your own key:\n\n"
        f"```\n{way}\n```\n\n"
        "or in place of the key (`Authorization: Bearer`, or `x-api-key`), where the key is\n"
        "stored in Stitcher (`stitcher config set api_key`, or `api_key_anthropic`).\n"
    )
