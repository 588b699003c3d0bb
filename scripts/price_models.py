"""Of which models the table has prices, what the two lists call them, and where they differ."""

from typing import Final

# By genai-prices' provider: litellm's prefix, and the models.
PROVIDERS: Final = {
    "anthropic": (
        "",
        (
            "claude-fable-5",
            "claude-fable-5-1",
            "claude-fable-5-2",
            "claude-mythos-5",
            "claude-mythos-5-1",
            "claude-mythos-5-2",
            "claude-opus-4",
            "claude-opus-4-1",
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-opus-4-7",
            "claude-opus-4-8",
            "claude-opus-5",
            "claude-opus-5-5",
            "claude-sonnet-4",
            "claude-sonnet-4-5",
            "claude-sonnet-4-6",
            "claude-sonnet-5",
            "claude-sonnet-5-5",
            "claude-haiku-4-5",
            "claude-haiku-5-5",
        ),
    ),
    "openai": (
        "",
        (
            "gpt-6.1-sol",
            "gpt-6.1-terra",
            "gpt-6-astra",
            "gpt-6-sol",
            "gpt-6-luna",
            "gpt-5.6",
            "gpt-5.6-sol",
            "gpt-5.6-terra",
            "gpt-5.6-luna",
            "gpt-5.5",
            "gpt-5.5-pro",
            "gpt-5.4",
            "gpt-5.4-mini",
            "gpt-5.4-nano",
            "gpt-5.4-pro",
            "gpt-5.3-codex",
            "gpt-5.2",
            "gpt-5.2-pro",
            "gpt-5.1",
            "gpt-5",
            "gpt-5-mini",
            "gpt-5-nano",
            "gpt-5-pro",
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4.1-nano",
            "gpt-4o",
            "gpt-4o-mini",
            "o1",
            "o3",
            "o3-mini",
            "o3-pro",
            "o4-mini",
        ),
    ),
    "google": (
        "gemini/",
        (
            "gemini-4-argon",
            "gemini-4-hydrogen",
            "gemini-3.8-flash",
            "gemini-3.7-flash",
            "gemini-3.6-flash",
            "gemini-3.5-flash",
            "gemini-3.5-flash-lite",
            "gemini-3.1-pro-preview",
            "gemini-3.1-flash-lite",
            "gemini-3-flash-preview",
            "gemini-2.5-pro",
            "gemini-2.5-flash",
            "gemini-2.5-flash-lite",
        ),
    ),
    "deepseek": ("deepseek/", ("deepseek-flash", "deepseek-v4-flash", "deepseek-v4-pro")),
    "x-ai": (
        "xai/",
        ("grok-4.7", "grok-4.6", "grok-4.5", "grok-4.3", "grok-4.20", "grok-build-0.1"),
    ),
    "mistral": (
        "mistral/",
        (
            "mistral-large-4",
            "mistral-large-2512",
            "mistral-medium-3-5",
            "mistral-medium-latest",
            "mistral-small-2603",
            "mistral-small-latest",
            "codestral-2508",
            "ministral-14b-2512",
            "ministral-8b-2512",
            "ministral-3b-2512",
        ),
    ),
    # Models that others serve too: in the table they are `groq/...`.
    "groq": ("groq/openai/", ("gpt-oss-120b", "gpt-oss-20b")),
}

# Where genai-prices calls a model otherwise.
GENAI_NAMES: Final = {
    "claude-opus-4": "claude-opus-4-0",
    "claude-sonnet-4": "claude-sonnet-4-0",
    "gpt-5.6": "gpt-5.6-sol",
    "gpt-oss-120b": "openai/gpt-oss-120b",
    "gpt-oss-20b": "openai/gpt-oss-20b",
}

NOT_IN_LITELLM: Final = frozenset(
    {
        "claude-fable-5-2",
        "claude-mythos-5-2",
        # No longer served by Anthropic itself.
        "claude-opus-4",
        "claude-opus-4-1",
        "claude-sonnet-4",
    }
)
NOT_IN_GENAI: Final = frozenset({"claude-mythos-5", "claude-mythos-5-1", "gemini-4-hydrogen"})

# Model and kind of price -> why genai-prices is taken all the same. A line that is no longer true
# fails too.
KNOWN: Final[dict[tuple[str, str], str]] = {
    ("claude-sonnet-4-5", "beyond"): "only the beta of long contexts had a step at 200,000 tokens",
}
