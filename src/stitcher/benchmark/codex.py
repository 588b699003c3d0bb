"""A session of Codex: `~/.codex/sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl`.

One JSON object a line, `{"timestamp", "type", "payload"}`: a `response_item` is an item of the
Responses API, and a `token_count` among the events says what the provider counted for the response
before it (seen in versions 0.5x to 0.16x, 2026).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from stitcher.benchmark.asked import Said, Usage, message_tokens, seconds_of

_FAMILY: Final = "openai_responses"
_LINES: Final = ("session_meta", "turn_context", "response_item", "event_msg", "compacted")


def is_line(line: Mapping[str, Any]) -> bool:
    """True for a line that only such a file has."""
    return line.get("type") in _LINES and isinstance(line.get("payload"), dict)


def told(lines: Iterable[Mapping[str, Any]]) -> Iterator[Said | Usage]:
    """Its items and what the provider counted, in order."""
    for line in lines:
        if not is_line(line):
            continue
        payload = line["payload"]
        if line["type"] == "response_item":
            yield _said(payload, seconds_of(line.get("timestamp")))
        elif payload.get("type") == "token_count":
            yield from _usage(payload.get("info"))


def _said(item: dict[str, Any], at: float) -> Said:
    kind = str(item.get("type"))
    is_result = kind.endswith("_output")
    asks = is_result or (kind == "message" and item.get("role") != "assistant")
    return Said(at, message_tokens(item, _FAMILY), is_reply=not asks, is_result=is_result)


def _usage(info: object) -> Iterator[Usage]:
    last = info.get("last_token_usage") if isinstance(info, dict) else None
    if isinstance(last, dict):
        read, said = last.get("input_tokens"), last.get("output_tokens")
        if isinstance(read, int) and isinstance(said, int):
            yield Usage(read, said)
