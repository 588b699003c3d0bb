"""A session of Claude Code: `~/.claude/projects/<folder>/<session>.jsonl`.

One JSON object a line: `user` and `assistant` ones hold a message of the Messages API as it was
sent and answered. An answer takes a line for each of its blocks, all with the answer's id, the last
with its whole usage (seen in versions 2.0 to 2.1, 2026). Sub-agents and what the client says itself
are other conversations, and left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from stitcher.benchmark.asked import Said, Usage, message_tokens, seconds_of
from stitcher.messages.reading import read
from stitcher.messages.unreadable import Unreadable

_FAMILY: Final = "anthropic"
_OWN: Final = "<synthetic>"  # the model of what the client says in the provider's place
_INPUT: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def is_line(line: Mapping[str, Any]) -> bool:
    """True for a line that only such a file has."""
    return line.get("type") in ("user", "assistant") and isinstance(line.get("message"), dict)


def told(lines: Iterable[Mapping[str, Any]]) -> Iterator[Said | Usage]:
    """Its messages and what the provider counted, in order."""
    for line in lines:
        if is_line(line) and not line.get("isSidechain"):
            yield from _told(line, line["message"])


def _told(line: Mapping[str, Any], message: dict[str, Any]) -> Iterator[Said | Usage]:
    at = seconds_of(line.get("timestamp"))
    said = {"role": line["type"], "content": message.get("content")}
    tokens = message_tokens(said, _FAMILY)
    if line["type"] == "user":
        yield Said(at, tokens, is_reply=False, is_result=_is_result(said))
        return
    if message.get("model") == _OWN:
        return
    yield Said(at, tokens, is_reply=True, reply=str(message.get("id") or ""))
    usage = message.get("usage")
    if isinstance(usage, dict):
        yield Usage(
            sum(_number(usage.get(name)) for name in _INPUT), _number(usage.get("output_tokens"))
        )


def _is_result(message: dict[str, Any]) -> bool:
    try:
        return bool(read(message).answers)
    except Unreadable:
        return False


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
