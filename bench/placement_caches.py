"""The same requests under the providers' own rules: bodies checked, caches simulated exactly.

The library's whole requests go through the simulator's rules and caches, one each ten seconds of
virtual time. Minimums, breakpoints, look-back, lifetimes and rounding count here, and tokens as the
simulator counts them. It knows nothing of the wire.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from bench.placement_arms import Placement, context_message, manager_for
from bench.placement_workloads import Form, Message, Workload, workloads
from stitcher.providers.caching import cache_rules
from stitcher.simulator import anthropic_prompt, openai_prompt, rules_anthropic, rules_openai_chat
from stitcher.simulator.cache import AutomaticCache, BreakpointCache, Reading

Body = dict[str, Any]
Arm = Literal["fixed", "priced", "very tail"]

MODELS: Final = ("claude-sonnet-5-5", "gpt-5.5", "gpt-6")
ARMS: Final[tuple[Arm, ...]] = ("fixed", "priced", "very tail")

_SECONDS: Final = 10.0  # from one request to the next
_FIRST_TOKEN: Final = 1.0  # what was written can be read from then on


@dataclass(frozen=True, slots=True)
class Billed:
    """What the requests of one arm came to; the cost in prices of a plain input token."""

    workload: str
    model: str
    arm: Arm
    requests: int
    refused: list[str]
    tokens: int
    read: int
    written: int
    plain: int
    cost: float


def measure() -> list[Billed]:
    """Every workload, over each API, by each arm."""
    return [
        _billed(workload, model, arm)
        for model in MODELS
        for workload in workloads(_form(model))
        for arm in ARMS
    ]


def _form(model: str) -> Form:
    return "anthropic" if model.startswith("claude") else "chat"


def _billed(workload: Workload, model: str, arm: Arm) -> Billed:
    bodies = list(_bodies(workload, model, arm))
    check = rules_anthropic.check if _form(model) == "anthropic" else rules_openai_chat.check
    refused = [refusal.message for body in bodies if (refusal := check(body)) is not None]
    read, written, plain, tokens = 0, 0, 0, 0
    for reading in _readings(bodies, model):
        read += reading.read
        written += reading.written_5m + reading.written_1h
        plain += reading.plain
        tokens += reading.total
    rules = cache_rules(model)
    cost = plain + written * rules.write + read * rules.read
    return Billed(
        workload.name, model, arm, len(bodies), refused, tokens, read, written, plain, cost
    )


def _bodies(workload: Workload, model: str, arm: Arm) -> Iterator[Body]:
    placement: Placement = "priced" if arm == "priced" else "fixed"
    manager = manager_for(placement, model)
    for step in workload.steps:
        for message in step.said:
            manager.append(message)
        if arm == "very tail":
            body = manager.build_request(None, tools=workload.tools)
            *earlier, last = body["messages"]
            # A breakpoint where the next request will differ: the adapter has set it for Claude,
            # and OpenAI's own stands at the very end alone.
            rules = cache_rules(model)
            ended = _marked(last) if rules.explicit and rules.implicit else last
            yield {**body, "messages": [*earlier, ended, context_message(step.context)]}
        else:
            yield manager.build_request(step.context, tools=workload.tools)


def _marked(message: Message) -> Message:
    """A text of Chat Completions with an explicit breakpoint at its end."""
    part = {"type": "text", "text": message["content"]}
    return {**message, "content": [{**part, "prompt_cache_breakpoint": {"mode": "explicit"}}]}


def _readings(bodies: list[Body], model: str) -> Iterator[Reading]:
    """What each request reads and writes of a cache that begins empty."""
    if _form(model) == "anthropic":
        yield from _anthropic(bodies)
    else:
        yield from _openai(bodies)


def _anthropic(bodies: list[Body]) -> Iterator[Reading]:
    cache = BreakpointCache()
    for n, body in enumerate(bodies):
        prompt, now = anthropic_prompt.read_prompt(body), n * _SECONDS
        reading = cache.begin("s", prompt.links, prompt.minimum, now)
        cache.settle(reading, now + _FIRST_TOKEN)
        yield reading


def _openai(bodies: list[Body]) -> Iterator[Reading]:
    cache = AutomaticCache()
    for n, body in enumerate(bodies):
        prompt, now = openai_prompt.read_prompt(body), n * _SECONDS
        scope = f"s\0{body.get('prompt_cache_key') or ''}"
        reading = cache.begin(scope, prompt.links, prompt.minimum, now, rounding=prompt.rounding)
        cache.settle(reading, now + _FIRST_TOKEN)
        yield reading
