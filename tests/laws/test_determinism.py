"""Determinism: the same log and the same request give the same bytes, anywhere and any time.

However far the log has been read, whatever is in memory, in whichever process.

Seen to fail, the cold plan being another than the warm one: with `_thin` not asking for the tip (a
failed first question is written again); with the head, with the window's start, and with the bytes
first sent not asked for while there is more of the log to read. With Python's `hash` for digests
another process sends other bytes.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stitcher.terms import Terms
from stitcher.wire.dialects import DIALECTS
from tests.laws.provider import Said, flat
from tests.laws.replay import cold, outcome
from tests.laws.test_alignment import DIALECT
from tests.laws.world import TOOLS, World, answer, answers, request, result, under, user

TEXT = st.sampled_from(["yes", "go on", "no", "word " * 30])
STEP = st.tuples(
    st.sampled_from(["thin", "thin", "full", "window", "edit", "compacted", "again"]),
    TEXT,
    st.sampled_from(["answered", "answered", "cut", "failed", "lost", "call"]),
    st.integers(0, 2),  # which system prompt
    st.booleans(),  # brings its tools
    st.booleans(),  # keeps its own history
)
Step = tuple[str, str, str, int, bool, bool]


def live(world: World, steps: list[Step], portion: int) -> None:
    """A client that does everything a client can do, each request planned warm and cold."""
    for n, step in enumerate(steps):
        habit, text, outcome_, head, brings, owns = step
        messages = shown(world, habit, user(text), n)
        more: dict[str, Any] = {"tools": TOOLS[world.dialect]} if brings else {}
        prompt = f"Prompt {head}." if head else ""
        messages, more = under(world.dialect, prompt, messages, **more)
        owns = owns and habit != "thin"
        body = request(world.dialect, messages, **more)
        world.now += 1
        terms = world.terms(owns_history=owns)
        afar = cold(world.log, world.dialect, body, terms, portion)
        world.now -= 1
        made, _ = world.ask(messages, owns_history=owns, **more)
        assert outcome(afar) == outcome(made)
        if outcome_ == "failed":
            world.fail(made)
        elif outcome_ != "lost":
            called = outcome_ == "call"
            name = f"call_{n}"
            said = answers(world.dialect, f"reply {n}", [(name, {})] if called else [])
            world.said += world.reply(made, *said, cut=outcome_ == "cut")
            if called:
                made, _ = world.ask([result(world.dialect, name, "found")])
                world.said.append(result(world.dialect, name, "found"))
                world.said += world.reply(made, answer(world.dialect, f"done {n}"))


def shown(world: World, habit: str, question: Said, n: int) -> list[Said]:
    """What a client of that habit sends; `world.said` is what it believes was said."""
    match habit:
        case "edit":
            world.said = world.said[: len(world.said) // 2]
        case "compacted":
            world.said = [user(f"summary {n}"), *world.said[-2:]]
        case "again" if world.said and flat(world.said)[-1].get("role") == "user":
            return list(world.said)
    world.said.append(question)
    if habit == "thin":
        return [question]
    if habit == "rewritten":  # the same messages, but a model is shown other text
        return [rewritten(message) for message in world.said]
    return world.said[-3:] if habit == "window" else list(world.said)


def rewritten(message: Said) -> Said:
    text = flat([message])[-1].get("content")
    return {**message, "content": f"{text} "} if isinstance(text, str) else message


@settings(max_examples=60, deadline=None)
@given(
    dialect=DIALECT,
    steps=st.lists(STEP, min_size=1, max_size=8),
    budget=st.sampled_from([250, 600, 100_000]),
    portion=st.sampled_from([1, 1, 2, 7]),
)
@example("openai_chat", [("thin", "yes", "failed", 0, False, False)] * 3, 100_000, 1)
@example("openai_chat", [("full", "word " * 30, "answered", 0, False, False)] * 10, 250, 1)
@example(
    "anthropic",
    [(habit, "yes", "answered", 0, False, True) for habit in ("full", "full", "rewritten")],
    100_000,
    1,
)
def test_warm_or_cold_the_same_bytes_go_out_and_the_same_lines_are_written(
    dialect: str, steps: list[Step], budget: int, portion: int
) -> None:
    live(World(dialect, max_tokens=budget, strict=False), steps, portion)


def test_another_machine_sends_the_same_bytes() -> None:
    chosen = Random(7)
    cases, here = [], []
    for n in range(24):
        dialect = sorted(DIALECTS)[n % 3]
        world = World(dialect, max_tokens=chosen.choice([250, 600, 100_000]), strict=False)
        live(world, [any_step(chosen) for _ in range(6)], portion=3)
        body = request(dialect, [user("what did I say first?")])
        terms = world.terms()
        here.append(outcome(cold(world.log, dialect, body, terms, 5)))
        cases.append(case_of(world, body, terms))
    for seed in (1, 2):
        assert there(cases, seed) == here


def any_step(chosen: Random) -> Step:
    return (
        chosen.choice(["thin", "thin", "full", "window", "edit", "compacted", "again"]),
        chosen.choice(["yes", "no", "word " * 30]),
        chosen.choice(["answered", "answered", "cut", "failed", "lost", "call"]),
        chosen.randrange(3),
        chosen.random() < 0.5,
        chosen.random() < 0.5,
    )


def case_of(world: World, body: bytes, terms: Terms) -> dict[str, Any]:
    known = asdict(terms)
    del known["calibration"], known["thread"]
    return {
        "dialect": world.dialect,
        "log": [line.decode() for line in world.log],
        "body": body.decode(),
        "terms": known,
        "portion": 2,
    }


def there(cases: list[dict[str, Any]], seed: int) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.laws.replay"],
        input="\n".join(json.dumps(case) for case in cases),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
