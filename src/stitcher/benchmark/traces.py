"""Workloads from files of real conversations: which kind a file is, and what is wrong with it.

The only module here that reads files.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from stitcher.benchmark import claude_code, codex, mooncake
from stitcher.benchmark.asked import conversation
from stitcher.benchmark.conversation import Conversation, Workload
from stitcher.errors import SettingsError

_KINDS: Final = "a Mooncake trace, a session of Claude Code or one of Codex"
_MAX_TOKENS: Final = {"mooncake": 32_000, "claude-code": 128_000, "codex": 128_000}

Line = dict[str, Any]


def traced(path: Path, seed: int = 0) -> Workload:
    """The conversations of a file. Raises SettingsError where it cannot be used."""
    lines = list(_lines(path))
    note = ""
    if any(map(mooncake.is_line, lines)):
        kind = "mooncake"
        found = mooncake.conversations(filter(mooncake.is_line, lines))
        conversations = mooncake.sampled(found, seed)
        if len(conversations) < len(found):
            note = f"{len(conversations)} of {len(found):,} conversations, drawn with seed {seed}"
    elif any(map(codex.is_line, lines)):
        kind, conversations = "codex", [conversation(codex.told(lines))]
    elif any(map(claude_code.is_line, lines)):
        kind, conversations = "claude-code", [conversation(claude_code.told(lines))]
    else:
        raise SettingsError(f"--trace: {path}: found no line of a known kind, expected {_KINDS}")
    about = _about(kind, conversations)
    if not any(one.requests for one in conversations):
        raise SettingsError(f"--trace: {path}: found no request with an answer, expected some")
    return Workload(path.stem, about, _MAX_TOKENS[kind], conversations, note)


def _about(kind: str, conversations: Sequence[Conversation]) -> str:
    requests = sum(len(one.requests) for one in conversations)
    return f"{kind}: {requests:,} requests in {len(conversations):,} conversations"


def _lines(path: Path) -> Iterator[Line]:
    """The objects of a JSONL file; a last line that is torn is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(f"--trace: {path}: cannot be read ({reason})") from None
    rows = text.splitlines()
    for number, row in enumerate(rows, 1):
        if not row.strip():
            continue
        try:
            line = json.loads(row)
        except ValueError:
            if number == len(rows) and number > 1:
                return
            raise SettingsError(
                f"--trace: {path}: line {number} is no JSON, expected {_KINDS}"
            ) from None
        if isinstance(line, dict):
            yield line
