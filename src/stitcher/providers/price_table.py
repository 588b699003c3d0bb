"""What models cost: USD per million tokens. Written by `make prices`, not by hand.

From litellm 1.110.2 and genai-prices 0.2.3, read on 2026-11-29.
"""

from collections.abc import Mapping
from typing import Final

from stitcher.providers.listed_price import ALWAYS, Dated, Price

READ: Final = "2026-11-29"
SOURCES: Final = "litellm 1.110.2 and genai-prices 0.2.3"

# Input, output, read, write, write for the longer lifetime; above so many tokens, instead.
PRICES: Final[Mapping[str, tuple[Dated, ...]]] = {
    "claude-fable-5": (Dated(ALWAYS, Price(10, 50, 1, 12.5, 20)),),
    "claude-fable-5-1": (Dated(ALWAYS, Price(10, 50, 0.25, 12.5, 20)),),
    "claude-fable-5-2": (Dated(ALWAYS, Price(8, 40, 0.2, 10, 16)),),
    "claude-mythos-5": (Dated(ALWAYS, Price(10, 50, 1, 12.5, 20)),),
    "claude-mythos-5-1": (Dated(ALWAYS, Price(10, 50, 0.25, 12.5, 20)),),
    "claude-mythos-5-2": (Dated(ALWAYS, Price(8, 40, 0.2, 10, 16)),),
    "claude-opus-4": (Dated(ALWAYS, Price(15, 75, 1.5, 18.75, 30)),),
    "claude-opus-4-1": (Dated(ALWAYS, Price(15, 75, 1.5, 18.75, 30)),),
    "claude-opus-4-5": (Dated(ALWAYS, Price(5, 25, 0.5, 6.25, 10)),),
    "claude-opus-4-6": (
        Dated(ALWAYS, Price(5, 25, 0.5, 6.25, 10, 200_000, Price(10, 37.5, 1, 12.5, 20))),
        Dated("2026-03-13", Price(5, 25, 0.5, 6.25, 10)),
    ),
    "claude-opus-4-7": (Dated(ALWAYS, Price(5, 25, 0.5, 6.25, 10)),),
    "claude-opus-4-8": (Dated(ALWAYS, Price(5, 25, 0.5, 6.25, 10)),),
    "claude-opus-5": (Dated(ALWAYS, Price(5, 25, 0.5, 6.25, 10)),),
    "claude-opus-5-5": (Dated(ALWAYS, Price(4, 20, 0.2, 5, 8)),),
    "claude-sonnet-4": (Dated(ALWAYS, Price(3, 15, 0.3, 3.75, 6)),),
    "claude-sonnet-4-5": (
        Dated(ALWAYS, Price(3, 15, 0.3, 3.75, 6, 200_000, Price(6, 22.5, 0.6, 7.5, 12))),
    ),
    "claude-sonnet-4-6": (
        Dated(ALWAYS, Price(3, 15, 0.3, 3.75, 6, 200_000, Price(6, 22.5, 0.6, 7.5, 12))),
        Dated("2026-03-13", Price(3, 15, 0.3, 3.75, 6)),
    ),
    "claude-sonnet-5": (Dated(ALWAYS, Price(2, 10, 0.2, 2.5, 4)),),
    "claude-sonnet-5-5": (Dated(ALWAYS, Price(2, 10, 0.1, 2.5, 4)),),
    "claude-haiku-4-5": (Dated(ALWAYS, Price(1, 5, 0.1, 1.25, 2)),),
    "claude-haiku-5-5": (
        Dated(ALWAYS, Price(0.1, 0.5, 0.01, 0.125, 0.2, 100_000, Price(0.5, 2.5, 0.05, 0.625, 1))),
    ),
    "gpt-6.1-sol": (Dated(ALWAYS, Price(2, 10, 0.1, 2.5, 5, 272_000, Price(4, 15, 0.2, 5, 10))),),
    "gpt-6.1-terra": (
        Dated(ALWAYS, Price(1, 5, 0.05, 1.25, 2.5, 272_000, Price(2, 7.5, 0.1, 2.5, 5))),
    ),
    "gpt-6-astra": (Dated(ALWAYS, Price(10, 50, 1, 12.5, 25, 272_000, Price(20, 75, 2, 25, 50))),),
    "gpt-6-sol": (Dated(ALWAYS, Price(2, 10, 0.2, 2.5, 5, 272_000, Price(4, 15, 0.4, 5, 10))),),
    "gpt-6-luna": (
        Dated(
            ALWAYS,
            Price(0.1, 0.5, 0.01, 0.125, 0.25, 272_000, Price(0.2, 0.75, 0.02, 0.25, 0.5)),
        ),
    ),
    "gpt-5.6": (
        Dated(ALWAYS, Price(5, 30, 0.5, 6.25, 12.5, 272_000, Price(10, 45, 1, 12.5, 25))),
        Dated("2026-08-21", Price(4, 20, 0.4, 5, 10, 272_000, Price(8, 30, 0.8, 10, 20))),
    ),
    "gpt-5.6-sol": (
        Dated(ALWAYS, Price(5, 30, 0.5, 6.25, 12.5, 272_000, Price(10, 45, 1, 12.5, 25))),
        Dated("2026-08-21", Price(4, 20, 0.4, 5, 10, 272_000, Price(8, 30, 0.8, 10, 20))),
    ),
    "gpt-5.6-terra": (
        Dated(ALWAYS, Price(2.5, 15, 0.25, 3.125, 6.25, 272_000, Price(5, 22.5, 0.5, 6.25, 12.5))),
        Dated("2026-07-30", Price(2, 12, 0.2, 2.5, 5, 272_000, Price(4, 18, 0.4, 5, 10))),
    ),
    "gpt-5.6-luna": (
        Dated(ALWAYS, Price(1, 6, 0.1, 1.25, 2.5, 272_000, Price(2, 9, 0.2, 2.5, 5))),
        Dated(
            "2026-07-30",
            Price(0.2, 1.2, 0.02, 0.25, 0.5, 272_000, Price(0.4, 1.8, 0.04, 0.5, 1)),
        ),
    ),
    "gpt-5.5": (Dated(ALWAYS, Price(5, 30, 0.5, 5, 5, 272_000, Price(10, 45, 1, 10, 10))),),
    "gpt-5.5-pro": (
        Dated(ALWAYS, Price(30, 180, 30, 30, 30, 272_000, Price(60, 270, 60, 60, 60))),
    ),
    "gpt-5.4": (Dated(ALWAYS, Price(2.5, 15, 0.25, 2.5, 2.5, 272_000, Price(5, 22.5, 0.5, 5, 5))),),
    "gpt-5.4-mini": (Dated(ALWAYS, Price(0.75, 4.5, 0.075, 0.75, 0.75)),),
    "gpt-5.4-nano": (Dated(ALWAYS, Price(0.2, 1.25, 0.02, 0.2, 0.2)),),
    "gpt-5.4-pro": (
        Dated(ALWAYS, Price(30, 180, 30, 30, 30, 272_000, Price(60, 270, 60, 60, 60))),
    ),
    "gpt-5.3-codex": (Dated(ALWAYS, Price(1.75, 14, 0.175, 1.75, 1.75)),),
    "gpt-5.2": (Dated(ALWAYS, Price(1.75, 14, 0.175, 1.75, 1.75)),),
    "gpt-5.2-pro": (Dated(ALWAYS, Price(21, 168, 21, 21, 21)),),
    "gpt-5.1": (Dated(ALWAYS, Price(1.25, 10, 0.125, 1.25, 1.25)),),
    "gpt-5": (Dated(ALWAYS, Price(1.25, 10, 0.125, 1.25, 1.25)),),
    "gpt-5-mini": (Dated(ALWAYS, Price(0.25, 2, 0.025, 0.25, 0.25)),),
    "gpt-5-nano": (Dated(ALWAYS, Price(0.05, 0.4, 0.005, 0.05, 0.05)),),
    "gpt-5-pro": (Dated(ALWAYS, Price(15, 120, 15, 15, 15)),),
    "gpt-4.1": (Dated(ALWAYS, Price(2, 8, 0.5, 2, 2)),),
    "gpt-4.1-mini": (Dated(ALWAYS, Price(0.4, 1.6, 0.1, 0.4, 0.4)),),
    "gpt-4.1-nano": (Dated(ALWAYS, Price(0.1, 0.4, 0.025, 0.1, 0.1)),),
    "gpt-4o": (Dated(ALWAYS, Price(2.5, 10, 1.25, 2.5, 2.5)),),
    "gpt-4o-mini": (Dated(ALWAYS, Price(0.15, 0.6, 0.075, 0.15, 0.15)),),
    "o1": (Dated(ALWAYS, Price(15, 60, 7.5, 15, 15)),),
    "o3": (
        Dated(ALWAYS, Price(10, 40, 0.5, 10, 10)),
        Dated("2025-06-10", Price(2, 8, 0.5, 2, 2)),
    ),
    "o3-mini": (Dated(ALWAYS, Price(1.1, 4.4, 0.55, 1.1, 1.1)),),
    "o3-pro": (Dated(ALWAYS, Price(20, 80, 20, 20, 20)),),
    "o4-mini": (Dated(ALWAYS, Price(1.1, 4.4, 0.275, 1.1, 1.1)),),
    "gemini-4-argon": (
        Dated(ALWAYS, Price(2, 10, 0.1, 2, 2)),
        Dated("2026-12-01", Price(4, 20, 0.2, 4, 4)),
    ),
    "gemini-4-hydrogen": (Dated(ALWAYS, Price(1.5, 7.5, 0.075, 1.5, 1.5)),),
    "gemini-3.8-flash": (
        Dated(ALWAYS, Price(0.75, 3.75, 0.075, 0.75, 0.75)),
        Dated("2027-01-01", Price(1.5, 7.5, 0.15, 1.5, 1.5)),
    ),
    "gemini-3.7-flash": (
        Dated(ALWAYS, Price(0.75, 3.75, 0.075, 0.75, 0.75)),
        Dated("2027-01-01", Price(1.5, 7.5, 0.15, 1.5, 1.5)),
    ),
    "gemini-3.6-flash": (
        Dated(ALWAYS, Price(0.75, 3.75, 0.075, 0.75, 0.75)),
        Dated("2027-01-01", Price(1.5, 7.5, 0.15, 1.5, 1.5)),
    ),
    "gemini-3.5-flash": (Dated(ALWAYS, Price(1.5, 9, 0.15, 1.5, 1.5)),),
    "gemini-3.5-flash-lite": (Dated(ALWAYS, Price(0.3, 2.5, 0.03, 0.3, 0.3)),),
    "gemini-3.1-pro-preview": (
        Dated(ALWAYS, Price(2, 12, 0.2, 2, 2, 200_000, Price(4, 18, 0.4, 4, 4))),
    ),
    "gemini-3.1-flash-lite": (Dated(ALWAYS, Price(0.25, 1.5, 0.025, 0.25, 0.25)),),
    "gemini-3-flash-preview": (
        Dated(ALWAYS, Price(0.5, 3, 0.05, 0.5, 0.5)),
        Dated("2026-01-05", Price(0.5, 3, 0.05, 0.5, 0.5)),
    ),
    "gemini-2.5-pro": (
        Dated(ALWAYS, Price(1.25, 10, 0.125, 1.25, 1.25, 200_000, Price(2.5, 15, 0.25, 2.5, 2.5))),
    ),
    "gemini-2.5-flash": (Dated(ALWAYS, Price(0.3, 2.5, 0.03, 0.3, 0.3)),),
    "gemini-2.5-flash-lite": (Dated(ALWAYS, Price(0.1, 0.4, 0.01, 0.1, 0.1)),),
    "deepseek-flash": (
        Dated(
            ALWAYS,
            Price(0.15, 0.6, 0.003, 0.15, 0.15),
            peak=Price(0.3, 1.2, 0.006, 0.3, 0.3),
            hours=((1, 4), (6, 10)),
        ),
    ),
    "deepseek-v4-flash": (
        Dated(ALWAYS, Price(0.14, 0.28, 0.0028, 0.14, 0.14)),
        Dated("2026-08-17", Price(0.22, 0.66, 0.007, 0.22, 0.22)),
        Dated(
            "2026-09-10",
            Price(0.15, 0.6, 0.003, 0.15, 0.15),
            peak=Price(0.3, 1.2, 0.006, 0.3, 0.3),
            hours=((1, 4), (6, 10)),
        ),
    ),
    "deepseek-v4-pro": (
        Dated(ALWAYS, Price(0.435, 0.87, 0.003625, 0.435, 0.435)),
        Dated(
            "2026-08-17",
            Price(0.66, 1.98, 0.022, 0.66, 0.66),
            peak=Price(1.32, 3.96, 0.044, 1.32, 1.32),
            hours=((1, 4), (6, 10)),
        ),
    ),
    "grok-4.7": (Dated(ALWAYS, Price(2, 6, 0.5, 2, 2, 199_999, Price(4, 12, 1, 4, 4))),),
    "grok-4.6": (Dated(ALWAYS, Price(2, 6, 0.5, 2, 2, 199_999, Price(4, 12, 1, 4, 4))),),
    "grok-4.5": (Dated(ALWAYS, Price(2, 6, 0.3, 2, 2, 199_999, Price(4, 12, 0.6, 4, 4))),),
    "grok-4.3": (
        Dated(ALWAYS, Price(1.25, 2.5, 0.2, 1.25, 1.25, 199_999, Price(2.5, 5, 0.4, 2.5, 2.5))),
    ),
    "grok-4.20": (
        Dated(ALWAYS, Price(2, 6, 0.2, 2, 2, 199_999, Price(4, 12, 0.4, 4, 4))),
        Dated(
            "2026-04-30",
            Price(1.25, 2.5, 0.2, 1.25, 1.25, 199_999, Price(2.5, 5, 0.4, 2.5, 2.5)),
        ),
    ),
    "grok-build-0.1": (Dated(ALWAYS, Price(1, 2, 0.2, 1, 1, 199_999, Price(2, 4, 0.4, 2, 2))),),
    "mistral-large-4": (
        Dated(ALWAYS, Price(0.68, 2.09, 0.07, 0.68, 0.68)),
        Dated("2026-10-20", Price(1.36, 4.18, 0.14, 1.36, 1.36)),
        Dated("2026-10-29", Price(0.7, 2.1, 0.07, 0.7, 0.7)),
    ),
    "mistral-large-2512": (Dated(ALWAYS, Price(0.5, 1.5, 0.05, 0.5, 0.5)),),
    "mistral-medium-3-5": (Dated(ALWAYS, Price(1.5, 7.5, 0.15, 1.5, 1.5)),),
    "mistral-medium-latest": (
        Dated(ALWAYS, Price(0.4, 2, 0.04, 0.4, 0.4)),
        Dated("2026-06-16", Price(1.5, 7.5, 0.15, 1.5, 1.5)),
    ),
    "mistral-small-2603": (Dated(ALWAYS, Price(0.15, 0.6, 0.015, 0.15, 0.15)),),
    "mistral-small-latest": (
        Dated(ALWAYS, Price(0.1, 0.3, 0.01, 0.1, 0.1)),
        Dated("2026-03-16", Price(0.15, 0.6, 0.015, 0.15, 0.15)),
    ),
    "codestral-2508": (Dated(ALWAYS, Price(0.3, 0.9, 0.03, 0.3, 0.3)),),
    "ministral-14b-2512": (Dated(ALWAYS, Price(0.2, 0.2, 0.02, 0.2, 0.2)),),
    "ministral-8b-2512": (Dated(ALWAYS, Price(0.15, 0.15, 0.015, 0.15, 0.15)),),
    "ministral-3b-2512": (Dated(ALWAYS, Price(0.1, 0.1, 0.01, 0.1, 0.1)),),
    "groq/gpt-oss-120b": (Dated(ALWAYS, Price(0.15, 0.6, 0.075, 0.15, 0.15)),),
    "groq/gpt-oss-20b": (Dated(ALWAYS, Price(0.075, 0.3, 0.0375, 0.075, 0.075)),),
}
