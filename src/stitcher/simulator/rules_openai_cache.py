"""What OpenAI refuses about cache options and breakpoints; the dialects differ in lifetimes only.

Every function raises `RefusedError` or lets the value pass.
"""

from typing import Any

from stitcher.simulator.openai_refusals import expect, refuse_unknown, refuse_value

# openai SDK 3.54.0: `12h` in Responses, Chat Completions has 30 minutes only.
CHAT_LIFETIMES = ("30m",)
RESPONSES_LIFETIMES = ("30m", "12h")
_MODES = ("implicit", "explicit")
_RETENTIONS = ("in_memory", "in-memory", "24h")
_NAME = "prompt_cache_breakpoint"


def check_retention(retention: Any) -> None:
    if retention is not None and retention not in _RETENTIONS:
        refuse_value(retention, _RETENTIONS, "prompt_cache_retention")


def check_options(options: Any, lifetimes: tuple[str, ...]) -> None:
    if options is None:
        return
    expect(options, dict, "prompt_cache_options")
    _check_known(options, "mode", _MODES, "prompt_cache_options")
    _check_known(options, "ttl", lifetimes, "prompt_cache_options")
    if options.get("prewarm") is not None:
        if len(lifetimes) == 1:
            refuse_unknown("prompt_cache_options.prewarm")
        expect(options["prewarm"], bool, "prompt_cache_options.prewarm")


def check_breakpoint(part: dict[str, Any], lifetimes: tuple[str, ...], place: str) -> None:
    marker = part.get(_NAME)
    if marker is None:
        return
    expect(marker, dict, f"{place}.{_NAME}")
    _check_known(marker, "mode", _MODES[1:], f"{place}.{_NAME}")
    _check_known(marker, "ttl", lifetimes, f"{place}.{_NAME}")


def _check_known(given: dict[str, Any], name: str, supported: tuple[str, ...], place: str) -> None:
    if given.get(name) is not None and given[name] not in supported:
        refuse_value(given[name], supported, f"{place}.{name}")
