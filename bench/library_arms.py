"""What the library and llmbuffer are both asked to do: histories, and the ways to keep them.

The same code drives both, through the names they have in common, so what they do differs in nothing
but whose it is. It knows nothing of clocks.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

from bench.speech import words

Message = dict[str, Any]

LIBRARIES: Final = ("stitcher", "llmbuffer")

STATIC: Final = words(random.Random("static"), 4_852)
NEVER_PASSED: Final = 10**9  # tokens
_MODE: Final = "agent_cycle"
_ASKED, _CALLED, _FOUND, _ANSWERED = 120, 60, 1_000, 400  # bytes of what is said


@dataclass(frozen=True, slots=True)
class Workload:
    """A history's form, and the adapter that an application of that form would use."""

    name: str
    adapter: str
    round: Callable[[random.Random, int], Sequence[Message]]  # four messages or two

    def history(self, messages: int) -> list[Message]:
        """A history of so many messages, all in the same words in each run."""
        rng = random.Random(f"{self.name} {messages}")
        made: list[Message] = []
        while len(made) < messages:
            made += self.round(rng, len(made))
        return made


def _question(rng: random.Random) -> Message:
    return {"role": "user", "content": words(rng, _ASKED)}


def _plain(rng: random.Random, _: int) -> Sequence[Message]:
    return _question(rng), {"role": "assistant", "content": words(rng, _ANSWERED)}


def _chat(rng: random.Random, number: int) -> Sequence[Message]:
    arguments = f'{{"path": "{words(rng, _CALLED)}"}}'
    function = {"name": "read_file", "arguments": arguments}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return (
        _question(rng),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": words(rng, _FOUND)},
        {"role": "assistant", "content": words(rng, _ANSWERED)},
    )


def _blocks(rng: random.Random, number: int) -> Sequence[Message]:
    id = f"toolu_{number}"
    call = {"type": "tool_use", "id": id, "name": "read_file", "input": {"path": words(rng, 60)}}
    said = {"type": "text", "text": words(rng, _CALLED)}
    result = {"type": "tool_result", "tool_use_id": id, "content": words(rng, _FOUND)}
    answer = {"type": "text", "text": words(rng, _ANSWERED)}
    return (
        _question(rng),
        {"role": "assistant", "content": [said, call]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": [answer]},
    )


WORKLOADS: Final = (
    Workload("plain texts", "OpenAIAdapter", _plain),
    Workload("tool calls, Chat Completions", "OpenAIAdapter", _chat),
    Workload("tool use, Anthropic blocks", "AnthropicAdapter", _blocks),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said in one turn."""

    asked: Message
    context: str
    answer: Message


def turns(workload: Workload) -> Iterator[Turn]:
    """Turns without end: each a question, context of its own and an answer."""
    rng = random.Random(f"turns of {workload.name}")
    while True:
        said = workload.round(rng, 0)
        yield Turn(said[0], words(rng, 400), said[-1])


class Kept(Protocol):
    """A conversation, kept by either library in one of the ways."""

    def take(self, turn: Turn) -> list[Message]:
        """A turn; what was built in it."""
        ...


class Manager:
    """Kept in memory, by the stateful `PromptManager`."""

    def __init__(
        self, library: Any, adapter: Any, history: list[Message], budget: int | None
    ) -> None:
        self._manager = library.PromptManager(
            static_system_prompt=STATIC,
            transition_mode=_MODE,
            adapter=adapter,
            max_tokens=budget,
            state=_state(history),
        )

    def take(self, turn: Turn) -> list[Message]:
        """Question, prompt, answer."""
        self._manager.append(turn.asked)
        built: list[Message] = self._manager.build_messages(dynamic_system_prompt=turn.context)
        self._manager.append(turn.answer)
        return built


class Pure:
    """Kept by the application: a state that the pure functions make another of."""

    def __init__(
        self, library: Any, adapter: Any, history: list[Message], budget: int | None
    ) -> None:
        self._functional: Any = import_module(f"{library.__name__}.functional")
        self._adapter, self._budget = adapter, budget
        self._state = _state(history)

    def take(self, turn: Turn) -> list[Message]:
        """Question, prompt, answer; and compaction, which is a function of its own."""
        functional = self._functional
        state = functional.append_message(self._state, turn.asked, transition_mode=_MODE)
        built: list[Message] = functional.build_messages(
            state,
            static_system_prompt=STATIC,
            dynamic_system_prompt=turn.context,
            adapter=self._adapter,
        )
        state = functional.append_message(state, turn.answer, transition_mode=_MODE)
        if self._budget is not None:
            state = functional.compact(state, max_tokens=self._budget, adapter=self._adapter)
        self._state = state
        return built


class Saved:
    """Kept as JSON between the turns, as a web application does: read, a turn, written."""

    def __init__(
        self, library: Any, adapter: Any, history: list[Message], budget: int | None
    ) -> None:
        self._manager: Any = library.PromptManager
        self._settings = {
            "static_system_prompt": STATIC,
            "transition_mode": _MODE,
            "adapter": adapter,
            "max_tokens": budget,
        }
        self._payload: str = library.dumps(_state(history))

    def take(self, turn: Turn) -> list[Message]:
        """All of it: the JSON is read first and written last."""
        manager = self._manager.from_json(self._payload, **self._settings)
        manager.append(turn.asked)
        built: list[Message] = manager.build_messages(dynamic_system_prompt=turn.context)
        manager.append(turn.answer)
        self._payload = manager.to_json()
        return built


def _state(history: list[Message]) -> dict[str, Any]:
    return {"version": 1, "long_lived": list(history), "short_term": []}


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to keep a conversation, with or without a budget."""

    name: str
    kept: Callable[[Any, Any, list[Message], int | None], Kept]
    budget: int | None

    def both(self, workload: Workload, history: list[Message]) -> tuple[Kept, Kept]:
        """The same history kept by both libraries, in the order of `LIBRARIES`."""
        ours, theirs = (self._of(import_module(name), workload, history) for name in LIBRARIES)
        return ours, theirs

    def _of(self, library: Any, workload: Workload, history: list[Message]) -> Kept:
        adapter = getattr(library, workload.adapter)()
        return self.kept(library, adapter, history, self.budget)


ARMS: Final = (
    Arm("manager", Manager, None),
    Arm("manager, budget", Manager, NEVER_PASSED),
    Arm("functions", Pure, None),
    Arm("functions, budget", Pure, NEVER_PASSED),
    Arm("manager from and to JSON, budget", Saved, NEVER_PASSED),
)

REQUESTS: Final = (("AnthropicAdapter", "claude-sonnet-5-5"), ("OpenAIAdapter", "gpt-5.5"))
"""Adapters that make whole requests, and for which model."""
