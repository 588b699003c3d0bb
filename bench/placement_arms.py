"""Where dynamic context is put in each request of a conversation: by the library, and otherwise.

An arm makes the messages of every request of a workload. It knows nothing of caches or of cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bench.placement_workloads import STATIC, Message, Workload
from stitcher import AnthropicAdapter, OpenAIAdapter, PromptManager, ProviderAdapter
from stitcher.messages.counting import Counter
from stitcher.messages.reading import tokens_of

Prompt = list[Message]
Placement = Literal["fixed", "priced"]

ROLE: Final = "user"  # of dynamic context, as in llmbuffer's benchmark
_SYSTEM: Final[Message] = {"role": "system", "content": STATIC}


@dataclass(frozen=True, slots=True)
class Stay:
    """Context behind so many messages of the history, in the requests `[start, end)`."""

    after: int
    content: str
    start: int
    end: int


class _Claude(AnthropicAdapter):
    """Estimates, whatever vocabularies are installed: the same must come out everywhere."""

    def message_tokens(self, message: Message) -> int:
        return tokens_of(message, Counter(self.family))


class _Gpt(OpenAIAdapter):
    """The same for OpenAI."""

    def message_tokens(self, message: Message) -> int:
        return tokens_of(message, Counter(self.family))


def adapter_for(model: str) -> ProviderAdapter:
    """The library's adapter for a model."""
    return _Claude(model) if model.startswith("claude") else _Gpt(model)


def manager_for(placement: Placement, model: str) -> PromptManager:
    """A manager as an application has it."""
    return PromptManager(
        static_system_prompt=STATIC,
        transition_mode="agent_cycle",
        adapter=adapter_for(model),
        dynamic_system_role=ROLE,
        dynamic_placement=placement,
    )


def by_manager(workload: Workload, placement: Placement, model: str) -> Iterator[Prompt]:
    """As the library builds them."""
    manager = manager_for(placement, model)
    for step in workload.steps:
        for message in step.said:
            manager.append(message)
        yield manager.build_messages(step.context, apply_cache_markers=False)


def naive(workload: Workload) -> Iterator[Prompt]:
    """Static prompt and context in one message in front."""
    for history, context in growing(workload):
        yield [{"role": "system", "content": f"{STATIC}\n\n{context}"}, *history]


def tail(workload: Workload) -> Iterator[Prompt]:
    """Context at the very end of every request, behind the question or the results."""
    for history, context in growing(workload):
        yield [_SYSTEM, *history, context_message(context)]


def held(workload: Workload) -> Iterator[Prompt]:
    """New context at the tail, before the question; there until it changes, then taken out."""
    return staying(workload, _until_changed(workload, [place(*one) for one in _said(workload)]))


def held_behind(workload: Workload) -> Iterator[Prompt]:
    """The same, but behind the question."""
    return staying(workload, _until_changed(workload, [n for _, n in _said(workload)]))


def staying(workload: Workload, stays: Sequence[Stay]) -> Iterator[Prompt]:
    """Requests in which context stands as long as it is to stay."""
    for n, (history, _) in enumerate(growing(workload)):
        made: Prompt = [_SYSTEM]
        done = 0
        for stay in stays:
            if stay.start <= n < stay.end:
                made += [*history[done : stay.after], context_message(stay.content)]
                done = stay.after
        yield [*made, *history[done:]]


def place(last: Message, messages: int) -> int:
    """Where new context goes in so many messages: before a question, behind results."""
    return messages - 1 if last["role"] == "user" else messages


def growing(workload: Workload) -> Iterator[tuple[list[Message], str]]:
    """All that was said until each request, and its context."""
    history: list[Message] = []
    for step in workload.steps:
        history = [*history, *step.said]
        yield history, step.context


def context_message(context: str) -> Message:
    """Context as it is said."""
    return {"role": ROLE, "content": context}


def _said(workload: Workload) -> Iterator[tuple[Message, int]]:
    """The last message of each request's history, and how many there are."""
    return ((history[-1], len(history)) for history, _ in growing(workload))


def _until_changed(workload: Workload, places: Sequence[int]) -> list[Stay]:
    """Each context from the request that brings it until the next; `places` by request."""
    contexts = [step.context for step in workload.steps]
    starts = [n for n, said in enumerate(contexts) if n == 0 or said != contexts[n - 1]]
    ends = [*starts[1:], len(contexts)]
    return [Stay(places[n], contexts[n], n, end) for n, end in zip(starts, ends, strict=True)]
