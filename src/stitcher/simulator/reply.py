"""What the simulator says: a pure function of what it heard.

Works on a view of the request that no dialect owns (`Heard`) and yields content that no dialect
owns (`Reply`). Knows nothing of usage, ids, streams or signatures.

Directives stand in the newest user message's own words: `[[say TEXT]]`, `[[first]]`,
`[[recall N]]`, `[[count]]`, `[[system]]`, `[[tool NAME {json}]]`, `[[think]]`, `[[redacted]]`,
`[[long N]]`, `[[empty]]`, `[[unicode]]`, `[[refusal]]`, `[[usage N]]`, `[[gzip]]`, `[[n]]`, and the
faults of `fault_from_directives`; for Responses also `[[commentary TEXT]]` (a message before the
answer), `[[incomplete]]` and `[[failed]]`. User messages are numbered from 1; those that carry
nothing but tool results are not counted.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stitcher.simulator.directives import Directives, ToolRequest, find_directives
from stitcher.simulator.faults import NO_FAULT, Fault, fault_from_directives
from stitcher.simulator.schema_sample import sample

COMPACTION_OPENING = "CRITICAL: Respond with TEXT ONLY"
# What clients put into a user's message that the user did not say (Claude Code, OpenClaw, Codex).
REMINDER_OPENINGS = (
    "<system-reminder>",
    "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>",
    "<environment_context>",
)
# An emoji of several code points, a combining accent, a letter beyond the BMP, right-to-left text.
UNICODE_SAMPLE = (
    "Unicode: \U0001f468\u200d\U0001f469\u200d\U0001f467 cafe\u0301 \U00010348 \u05e9\u05dc\u05d5"
    "\u05dd \u00e9 \u20ac \u4f60\u597d"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a request says, whatever its dialect.

    `user_texts` are the user messages' own words; `newest_texts` the text blocks of the newest user
    message; `tool_results` is set when the newest message is tool results.
    """

    message_count: int
    user_texts: tuple[str, ...]
    newest_texts: tuple[str, ...]
    tool_results: tuple[str, ...] | None
    system: str
    schema: Any | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. `text` is None when only tools are called."""

    text: str | None
    thinking: str | None = None
    redacted: bool = False
    tools: tuple[ToolRequest, ...] = ()
    refusal: bool = False
    commentary: str | None = None
    ending: Literal["completed", "incomplete", "failed"] = "completed"
    input_tokens: int | None = None
    gzip: bool = False
    split_utf8: bool = False
    fault: Fault = NO_FAULT


def own_text(texts: tuple[str, ...]) -> str:
    """A message's own words: its texts without the reminders a client put in."""
    return "\n".join(_own(texts))


def _own(texts: tuple[str, ...]) -> list[str]:
    return [text for text in texts if not text.startswith(REMINDER_OPENINGS)]


def hear_messages(
    messages: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]], *, system: str, schema: Any
) -> Heard:
    """Makes out who said what from (role, texts, tool results); tool results come from the user."""
    said = [
        own_text(texts)
        for role, texts, results in messages
        if role == "user" and (_own(texts) or not (texts or results))
    ]
    newest: tuple[str, ...] = ()
    results: list[str] = []
    heard_user = False
    for role, texts, told in reversed(messages):
        if role == "assistant" and heard_user:
            break
        if role != "user":
            continue
        results[:0] = told
        if not heard_user or _own(texts):
            newest = texts
        heard_user = True
        if _own(texts):
            break
    return Heard(
        message_count=len(messages),
        user_texts=tuple(said),
        newest_texts=newest,
        tool_results=tuple(results) if results else None,
        system=system,
        schema=schema,
    )


def plan_reply(heard: Heard) -> Reply:
    if heard.schema is not None:
        return Reply(json.dumps(sample(heard.schema)))
    if any(text.startswith(COMPACTION_OPENING) for text in heard.newest_texts):
        first = heard.user_texts[0] if heard.user_texts else ""
        return Reply(f"<summary>The user began with: {first}</summary>")
    newest = own_text(heard.newest_texts)
    directives = find_directives(newest)
    return Reply(
        text=_text(heard, newest, directives),
        thinking=f"Thinking about: {newest[:60]}" if "think" in directives else None,
        redacted="redacted" in directives,
        tools=directives.tools,
        refusal="refusal" in directives,
        commentary=directives.text("commentary"),
        ending=_ending(directives),
        input_tokens=directives.number("usage", 0),
        gzip="gzip" in directives,
        split_utf8="unicode" in directives,
        fault=fault_from_directives(directives),
    )


def _ending(directives: Directives) -> Literal["completed", "incomplete", "failed"]:
    if "failed" in directives:
        return "failed"
    return "incomplete" if "incomplete" in directives else "completed"


def _text(heard: Heard, newest: str, directives: Directives) -> str | None:
    said = _asked_text(heard, newest, directives)
    if said is not None:
        return said
    if directives.tools:
        return None
    if heard.tool_results is not None:
        return f"Tool said: {' | '.join(heard.tool_results)}"
    return f"Reply {len(heard.user_texts)} to: {newest[:60]}"


def _asked_text(heard: Heard, newest: str, directives: Directives) -> str | None:
    said = directives.text("say")
    if said is not None:
        return said
    if "empty" in directives:
        return ""
    if "refusal" in directives:
        return "I cannot help with that."
    if "count" in directives:
        return f"I received {heard.message_count} messages."
    if "system" in directives:
        return f'The system prompt is: "{heard.system}"'
    if "unicode" in directives:
        return UNICODE_SAMPLE
    words = directives.number("long", 100)
    if words is not None:
        return " ".join(f"word{number}" for number in range(1, words + 1))
    return _memory(heard, newest, directives)


def _memory(heard: Heard, newest: str, directives: Directives) -> str | None:
    number = directives.number("recall")
    if number is not None:
        if not 1 <= number <= len(heard.user_texts):
            return f"I received {len(heard.user_texts)} user messages, none is number {number}."
        return f'User message {number} was: "{heard.user_texts[number - 1]}"'
    if "first" in directives or "what did i say first" in newest.lower():
        first = heard.user_texts[0] if heard.user_texts else ""
        return f'The first thing you said was: "{first}"'
    return None
