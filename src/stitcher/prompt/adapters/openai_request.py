"""Requests to OpenAI's APIs, Chat Completions and Responses, from a prompt's messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stitcher.core.item import digest
from stitcher.messages.counting import Counter
from stitcher.messages.json_text import json_text
from stitcher.messages.openai_breakpoints import marked_chat, marked_item
from stitcher.messages.reading import Form, Message, Tool, read
from stitcher.messages.toolset import written_tools
from stitcher.messages.translation import CHAT, RESPONSES, Target, translated
from stitcher.prompt.adapters.openai_breakpoints import Mark, ends, marked
from stitcher.prompt.adapters.request import expect_none_of
from stitcher.prompt.layout import Layout, expect_paired, leading
from stitcher.providers.caching import CacheRules, cache_rules


@dataclass(frozen=True, slots=True)
class Api:
    """What differs between the two APIs."""

    target: Target
    tools: Form
    mark: Mark
    messages: str  # the parameter that they are
    max_tokens: str  # the parameter that bounds the answer


APIS: Final = {
    "chat": Api(CHAT, "openai_chat", marked_chat, "messages", "max_completion_tokens"),
    "responses": Api(RESPONSES, "openai_responses", marked_item, "input", "max_output_tokens"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request is made from, beside its messages."""

    model: str
    layout: Layout
    tools: Sequence[Tool]
    max_tokens: int | None  # of the answer
    cache_key: str | None  # the caller's own
    parameters: Mapping[str, Any]


def request(
    messages: Sequence[Message], asked: Asked, *, api: Api, counter: Counter
) -> dict[str, Any]:
    """What the API's `create(**request)` takes. Raises ValueError for what it would refuse."""
    expect_none_of(asked.parameters, api.messages)
    where, rules = asked.layout, cache_rules(asked.model)
    said = [read(message) for message in messages]
    expect_paired(said)
    first = leading(said, where)
    if first + (where.dynamic is not None) >= len(said):
        raise ValueError("found no message beside the system prompt, expected at least one")
    written = translated(messages, api.target)
    if rules.explicit:
        implicit = not _explicit_only(asked.parameters.get("prompt_cache_options"))
        written = marked(
            written,
            list(ends(said, where, implicit=implicit)),
            mark=api.mark,
            counter=counter,
            rules=rules,
            free=rules.explicit if implicit else rules.explicit + 1,
        )
    made: dict[str, Any] = {
        "model": asked.model,
        api.messages: [one.message for one in written],
    }
    if asked.tools:
        made["tools"] = written_tools(asked.tools, api.tools)
    if asked.max_tokens is not None:
        made[api.max_tokens] = asked.max_tokens
    opening = next(n for n in range(first, len(said)) if n != where.dynamic)
    key = asked.cache_key or _cache_key([*messages[:first], messages[opening]], rules)
    if key is not None:
        made["prompt_cache_key"] = key
    return {**made, **asked.parameters}


def _explicit_only(options: object) -> bool:
    return isinstance(options, Mapping) and options.get("mode") == "explicit"


def _cache_key(opening: Sequence[Message], rules: CacheRules) -> str | None:
    """The key of a conversation, made of what it begins with.

    From GPT-5.6 on keys are not needed to find a machine, and part what could be shared.
    """
    if rules.family != "openai" or rules.explicit:
        return None
    return f"stitcher-{digest(json_text(opening).encode('utf-8', 'surrogatepass'))}"
