"""What is said in the library's tests, in every form an application may say it in.

A dialogue is a list of turns; a turn is a question, rounds of tool calls, and an answer. Each form
writes it as that API's own SDK gives it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import strategies as st

Message = dict[str, Any]
FormName = Literal["openai_chat", "anthropic", "openai_responses", "gemini"]
FORMS: tuple[FormName, ...] = ("openai_chat", "anthropic", "openai_responses", "gemini")

TOOLS: dict[str, list[Message]] = {
    "openai_chat": [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Looks something up.",
                "parameters": {"type": "object", "properties": {"for": {"type": "string"}}},
            },
        }
    ],
    "anthropic": [
        {
            "name": "look",
            "description": "Looks something up.",
            "input_schema": {"type": "object", "properties": {"for": {"type": "string"}}},
        }
    ],
    "openai_responses": [
        {
            "type": "function",
            "name": "look",
            "description": "Looks something up.",
            "parameters": {"type": "object", "properties": {"for": {"type": "string"}}},
            "strict": False,
        }
    ],
}


@dataclass(frozen=True)
class Turn:
    """One turn: what is asked, how many calls in each round, what is answered ("" for not yet)."""

    question: str
    rounds: tuple[int, ...] = ()
    answer: str = "Yes."
    size: int = 10  # words of each result


def user(text: str, form: FormName = "openai_chat") -> Message:
    if form == "gemini":
        return {"role": "user", "parts": [{"text": text}]}
    return {"role": "user", "content": text}


def answer(text: str, form: FormName = "openai_chat") -> Message:
    match form:
        case "openai_chat":
            return {"role": "assistant", "content": text}
        case "anthropic":
            return {"role": "assistant", "content": [{"type": "text", "text": text}]}
        case "openai_responses":
            content = [{"type": "output_text", "text": text, "annotations": []}]
            return {"type": "message", "role": "assistant", "content": content}
        case "gemini":
            return {"role": "model", "parts": [{"text": text}]}


def calls(ids: Sequence[str], form: FormName = "openai_chat") -> list[Message]:
    """An answer that calls `look` once for each id."""
    match form:
        case "openai_chat":
            called = [
                {
                    "id": id,
                    "type": "function",
                    "function": {"name": "look", "arguments": json.dumps({"for": id})},
                }
                for id in ids
            ]
            return [{"role": "assistant", "content": None, "tool_calls": called}]
        case "anthropic":
            blocks = [
                {"type": "tool_use", "id": id, "name": "look", "input": {"for": id}} for id in ids
            ]
            return [{"role": "assistant", "content": blocks}]
        case "openai_responses":
            return [
                {
                    "type": "function_call",
                    "call_id": id,
                    "name": "look",
                    "arguments": json.dumps({"for": id}),
                }
                for id in ids
            ]
        case "gemini":
            parts = [
                {"function_call": {"id": id, "name": "look", "args": {"for": id}}} for id in ids
            ]
            return [{"role": "model", "parts": parts}]


def results(ids: Sequence[str], form: FormName = "openai_chat", text: str = "") -> list[Message]:
    """What the calls found."""
    found = {id: text or f"found {id}" for id in ids}
    match form:
        case "openai_chat":
            return [
                {"role": "tool", "tool_call_id": id, "content": said} for id, said in found.items()
            ]
        case "anthropic":
            blocks = [
                {"type": "tool_result", "tool_use_id": id, "content": said}
                for id, said in found.items()
            ]
            return [{"role": "user", "content": blocks}]
        case "openai_responses":
            return [
                {"type": "function_call_output", "call_id": id, "output": said}
                for id, said in found.items()
            ]
        case "gemini":
            parts = [
                {"function_response": {"id": id, "name": "look", "response": {"result": said}}}
                for id, said in found.items()
            ]
            return [{"role": "user", "parts": parts}]


def spoken(turns: Sequence[Turn], form: FormName = "openai_chat") -> list[Message]:
    """The dialogue's messages."""
    said: list[Message] = []
    for n, turn in enumerate(turns):
        said += turn_of(turn, n, form)
    return said


def turn_of(turn: Turn, n: int, form: FormName = "openai_chat") -> list[Message]:
    """The messages of one turn; `n` makes its tool ids its own."""
    said = [user(turn.question, form)]
    for m, width in enumerate(turn.rounds):
        ids = [f"call_{n}_{m}_{k}" for k in range(width)]
        said += calls(ids, form)
        said += results(ids, form, "word " * turn.size)
    if turn.answer:
        said.append(answer(turn.answer, form))
    return said


TURN: st.SearchStrategy[Turn] = st.builds(
    Turn,
    question=st.text("abc ", min_size=1, max_size=40).map(lambda text: f"Q {text}"),
    rounds=st.lists(st.integers(1, 3), max_size=3).map(tuple),
    answer=st.text("xyz ", max_size=40).map(lambda text: f"A {text}"),
    size=st.integers(1, 40),
)
TURNS: st.SearchStrategy[list[Turn]] = st.lists(TURN, min_size=1, max_size=8)
FORM: st.SearchStrategy[FormName] = st.sampled_from(FORMS)

Step = Callable[[], object]
