"""Exact token counts, where an installed package ships a model's vocabulary.

OpenAI's: `quicktok-v1`. Claude's, as reconstructed: `ctok`, pure Python and slow (4 to 13 seconds a
million characters, measured 2026-11), so each text is counted once. Neither is needed, neither is
imported before it is used, and nothing is ever downloaded.
"""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from stitcher.core.item import digest
from stitcher.providers.models import bare_name

CountText = Callable[[str], int]

_OPENAI = re.compile(r"(gpt-|o\d|chatgpt)")
_BEFORE_O200K = re.compile(r"gpt-(3|4(?!o|\.[1-9]))")
_CLAUDE_VERSION = re.compile(r"claude-(?:[a-z]+-)*(\d)(?:-(\d))?(?!\d)")
_REMEMBERED: Final = 16_384  # texts


def exact_counter(model: str) -> CountText | None:
    """Counts texts as the model does; None for a model whose vocabulary is not installed."""
    name = bare_name(model)
    if _OPENAI.match(name) and find_spec("quicktok"):
        return _openai("cl100k_base" if _BEFORE_O200K.match(name) else "o200k_base")
    version = _CLAUDE_VERSION.match(name)
    if version is not None and find_spec("ctok"):
        return _claude(f"{version.group(1)}.{version.group(2) or 0}")
    return None


@cache
def _openai(encoding: str) -> CountText:
    vocabulary: Any = import_module("quicktok").get_encoding(encoding)
    return lambda text: int(vocabulary.count(_sayable(text)))


@cache
def _claude(version: str) -> CountText:
    token_count: Any = import_module("ctok").token_count
    frame: int = token_count("", version)  # it counts a text as the only message of a request
    remembered: dict[str, int] = {}

    def count(text: str) -> int:
        said = _sayable(text)
        key = digest(said.encode())
        if key not in remembered:
            if len(remembered) >= _REMEMBERED:
                remembered.clear()
            remembered[key] = max(0, token_count(said, version) - frame)
        return remembered[key]

    return count


def _sayable(text: str) -> str:
    """The text without lone halves of surrogate pairs, of which no vocabulary knows."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def forget() -> None:
    """Forgets which vocabularies were read, and what was counted."""
    _openai.cache_clear()
    _claude.cache_clear()
