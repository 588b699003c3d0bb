"""Whom the benchmark can be sent to: addresses, keys, models, and what a request of each carries.

Knows nothing of HTTP or of conversations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stitcher.prompt.adapters.anthropic import AnthropicAdapter
from stitcher.prompt.adapters.openai import OpenAIAdapter
from stitcher.providers.caching import CacheRules
from stitcher.providers.engines import engine_rules
from stitcher.providers.listed_price import Price
from stitcher.providers.prices import price

Body = dict[str, Any]
Adapter = AnthropicAdapter | OpenAIAdapter
Dialect = Literal["messages", "chat"]

ANSWER_TOKENS: Final = 16
"""The most a model says to a request: nothing of it is used, and all of it is paid for."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider's API."""

    name: str
    dialect: Dialect
    base_url: str
    key_name: str | None  # the environment variable; None where no key is needed
    model: str | None  # unless another one is asked for; None where nobody can know
    limit: str = "max_tokens"  # the parameter that bounds the answer
    always: Mapping[str, Any] = field(default_factory=dict)  # goes into every request

    @property
    def path(self) -> str:
        """Behind the base URL."""
        return "/v1/messages" if self.dialect == "messages" else "/chat/completions"

    def adapter(self, model: str) -> Adapter:
        """The library's adapter for one of its models."""
        if self.dialect == "messages":
            return AnthropicAdapter(model)
        return _OllamaAdapter(model) if self.key_name is None else OpenAIAdapter(model)

    def price(self, model: str, at: float) -> Price | None:
        """What a model's tokens cost at a time; None where nobody knows or nobody is paid."""
        return None if self.key_name is None else price(model, at)

    def bounded(self, body: Body) -> Body:
        """A request with what every one to this provider carries."""
        return {**body, self.limit: ANSWER_TOKENS, **self.always}

    def headers(self, key: str) -> dict[str, str]:
        """What lets a request in."""
        if self.dialect == "messages":
            return {"x-api-key": key, "anthropic-version": "2023-06-01"}
        return {"Authorization": f"Bearer {key}"}


class _OllamaAdapter(OpenAIAdapter):
    """Requests to Ollama, whose cache is that of its engine, whatever the model."""

    @property
    def rules(self) -> CacheRules:
        return engine_rules("ollama")


# The cheapest of each in the price table (2026-11-29) of which the 15 short turns of `script` pass
# the minimum; none of Gemini's does, its generation 2 comes nearest.
_ALL: Final = (
    Provider(
        "anthropic", "messages", "https://api.anthropic.com", "ANTHROPIC_API_KEY",
        "claude-haiku-5-5",
    ),
    # `max_tokens` is "not compatible with o-series models" (openai-python 3.54.0).
    Provider(
        "openai", "chat", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-6-luna",
        limit="max_completion_tokens",
    ),
    Provider(
        "gemini", "chat", "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY", "gemini-2.5-flash-lite",
    ),
    # "Thinking mode is enabled by default", and then tool loops want their `reasoning_content` back
    # (api-docs.deepseek.com, "Thinking Mode", 2026-11), which recorded replies have not.
    Provider(
        "deepseek", "chat", "https://api.deepseek.com", "DEEPSEEK_API_KEY", "deepseek-flash",
        always={"thinking": {"type": "disabled"}},
    ),
    Provider("ollama", "chat", "http://127.0.0.1:11434/v1", None, None),
)  # fmt: skip
PROVIDERS: Final[Mapping[str, Provider]] = {one.name: one for one in _ALL}
