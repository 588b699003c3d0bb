"""Conversations with dynamic context, request by request: what `bench.placement` asks with.

The first has the sizes, in characters, of the workload that llmbuffer measures itself by, in words
of our own. It knows nothing of where context is put, of caches or of prices.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise, repeat
from typing import Any, Final, Literal

from bench.speech import words

Message = dict[str, Any]
Form = Literal["chat", "anthropic"]

STATIC: Final = words(random.Random("static"), 4_852)  # 1,213 tokens by llmbuffer's rule

# llmbuffer 0.3.0, benchmark.py: lengths in characters, and after how many turns context changes.
_CONTEXTS: Final = (404, 392, 404, 383, 389)
_QUESTIONS: Final = (104, 86, 66, 84, 80, 85, 66, 82, 84, 58, 85, 84, 73, 76, 71)
_REPLIES: Final = (27,) * 9 + (28,) * 6
_INTERVAL: Final = 3

# Ours: an agent that reads files, and talks about documents.
_TURNS, _CALLS = 5, 8
_ASKED, _CALLED, _FOUND, _ANSWERED, _CONTEXT = 80, 60, 4_000, 400, 400
_DOCUMENT = 8_000

TOOLS: Final[dict[Form, list[Message]]] = {
    "chat": [
        {
            "type": "function",
            "function": {
                "name": "read_file",
                "description": "Read a file of the project.",
                "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
            },
        }
    ],
    "anthropic": [
        {
            "name": "read_file",
            "description": "Read a file of the project.",
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Step:
    """One request: what was said since the one before, and the context that holds now."""

    said: tuple[Message, ...]
    context: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A conversation under a static system prompt (`STATIC`)."""

    name: str
    steps: tuple[Step, ...]
    tools: tuple[Message, ...] = ()

    @property
    def changes(self) -> int:
        """How often context is another than in the request before, the first time included."""
        said = ["", *(step.context for step in self.steps)]
        return sum(now != before for before, now in pairwise(said))


def workloads(form: Form) -> Sequence[Workload]:
    """All of them, their tool calls as the provider's API writes them."""
    each_call = (f"{turn} {call}" for turn in range(_TURNS) for call in range(_CALLS + 1))
    each_turn = (f"{turn}" for turn in range(_TURNS) for _ in range(_CALLS + 1))
    tools = tuple(TOOLS[form])
    return (
        _chat("15 turns, context changes every third"),
        Workload("tool loop, context changes on every call", _loop(form, each_call), tools),
        Workload("tool loop, context changes every turn", _loop(form, each_turn), tools),
        _documents("45 short turns, a document that changes every 15th", 45, 15, 80),
        _documents("42 long turns, a document that changes every third", 42, 3, 4_000),
    )


def _chat(name: str) -> Workload:
    rng = random.Random(name)
    contexts = [words(rng, size) for size in _CONTEXTS]
    sizes = zip(_QUESTIONS, _REPLIES, strict=True)
    return Workload(name, _turns(rng, sizes, (contexts[n // _INTERVAL] for n in count())))


def _documents(name: str, turns: int, interval: int, answered: int) -> Workload:
    rng = random.Random(name)
    documents = [words(rng, _DOCUMENT) for _ in range(turns // interval)]
    sizes = repeat((_ASKED, answered), turns)
    return Workload(name, _turns(rng, sizes, (documents[n // interval] for n in count())))


def _turns(
    rng: random.Random, sizes: Iterable[tuple[int, int]], contexts: Iterator[str]
) -> tuple[Step, ...]:
    """Turns of a question and an answer, of so many characters each."""
    steps: list[Step] = []
    said: tuple[Message, ...] = ()
    for asked, replied in sizes:
        question = {"role": "user", "content": words(rng, asked)}
        steps.append(Step((*said, question), next(contexts)))
        said = ({"role": "assistant", "content": words(rng, replied)},)
    return tuple(steps)


def _loop(form: Form, contexts: Iterator[str]) -> tuple[Step, ...]:
    rng = random.Random("loop")
    steps: list[Step] = []
    said: tuple[Message, ...] = ()
    for turn in range(_TURNS):
        question: Message = {"role": "user", "content": words(rng, _ASKED)}
        steps.append(Step((*said, question), _context(next(contexts))))
        for call in range(_CALLS):
            both = _round(form, f"{turn}_{call}", words(rng, _CALLED), words(rng, _FOUND))
            steps.append(Step(both, _context(next(contexts))))
        said = ({"role": "assistant", "content": words(rng, _ANSWERED)},)
    return tuple(steps)


def _context(version: str) -> str:
    return words(random.Random(f"context {version}"), _CONTEXT)


def _round(form: Form, number: str, path: str, found: str) -> tuple[Message, Message]:
    """A call and its result."""
    if form == "anthropic":
        id = f"toolu_{number}"
        call = {"type": "tool_use", "id": id, "name": "read_file", "input": {"path": path}}
        result = {"type": "tool_result", "tool_use_id": id, "content": found}
        return {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}
    id, arguments = f"call_{number}", json.dumps({"path": path})
    function = {"name": "read_file", "arguments": arguments}
    called = [{"id": id, "type": "function", "function": function}]
    return (
        {"role": "assistant", "content": None, "tool_calls": called},
        {"role": "tool", "tool_call_id": id, "content": found},
    )
