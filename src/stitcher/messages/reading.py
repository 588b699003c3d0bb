"""A message of any API: which one's it is, who speaks, what it calls and answers, its size.

Applications mix what an SDK gave them with what they write themselves, so the form is read off each
message, not asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from stitcher.core.role import Role
from stitcher.core.tokens import TOKENS_PER_MESSAGE
from stitcher.messages.anthropic import message as anthropic
from stitcher.messages.counting import Counter
from stitcher.messages.gemini import content as gemini
from stitcher.messages.openai_chat import message as openai_chat
from stitcher.messages.openai_responses import item as openai_responses
from stitcher.messages.openai_responses import size as openai_responses_size

Message = dict[str, Any]
Tool = dict[str, Any]

Form = Literal["plain", "openai_chat", "openai_responses", "anthropic", "gemini"]
"""Whose a message is; "plain" for a role and a text, which all but Gemini write alike."""

_PART_FORMS: Final[Mapping[str, Form]] = {
    **dict.fromkeys(("image_url", "input_audio", "file", "refusal"), "openai_chat"),
    **dict.fromkeys(
        ("input_text", "output_text", "input_image", "input_file", "summary_text"),
        "openai_responses",
    ),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What must be known of a message to keep it in its place."""

    form: Form
    role: Role
    calls: tuple[str, ...] = ()  # ids of the tool calls it makes
    answers: tuple[str, ...] = ()  # ids of the tool calls it answers
    ends_cycle: bool = False  # the assistant's last word: nothing is called or waited for

    @property
    def is_item(self) -> bool:
        """True for one of several items that an answer may be."""
        return self.form == "openai_responses"

    @property
    def starts_turn(self) -> bool:
        """True for what a person says: the only place where a window may begin."""
        return self.role == "user" and not self.answers


def form_of(message: Message) -> Form:
    """Whose form a message has."""
    if isinstance(message.get("parts"), list):
        return "gemini"
    if message.get("role") in ("tool", "function") or _have(message, "tool_calls", "function_call"):
        return "openai_chat"
    content = message.get("content")
    if "type" in message and not _is_answer_of_anthropic(message):
        return "openai_responses"
    if not isinstance(content, list):
        return "plain"
    kinds = (part.get("type") for part in content if isinstance(part, dict))
    telling = next((str(kind) for kind in kinds if kind != "text"), None)
    return "plain" if telling is None else _PART_FORMS.get(telling, "anthropic")


def _have(message: Message, *keys: str) -> bool:
    return any(message.get(key) is not None for key in keys)


def _is_answer_of_anthropic(message: Message) -> bool:
    """A whole response of the Messages API is itself a message, and says so."""
    return message.get("type") == "message" and "stop_reason" in message


def read(message: Message) -> Spoken:
    """Reads a message. Raises Unreadable where its content has no form at all."""
    form = form_of(message)
    match form:
        case "anthropic":
            return _read_anthropic(message)
        case "openai_responses":
            return _read_item(message)
        case "gemini":
            calls = gemini.call_ids(message)
            role = gemini.role_of(message)
            ends = role == "assistant" and not calls
            return Spoken(form, role, calls, gemini.answered(message), ends)
        case _:
            # A role that nobody knows (templates of local models have some) is a note.
            openai_chat.parts(message.get("content"))
            role = openai_chat.ROLES.get(str(message.get("role")), "system")
            calls = openai_chat.call_ids(message)
            ends = role == "assistant" and not calls
            return Spoken(form, role, calls, openai_chat.answered(message), ends)


def _read_anthropic(message: Message) -> Spoken:
    content = anthropic.blocks(message.get("content"))
    role = anthropic.role_of(message)
    calls = anthropic.call_ids(content)
    # "pause_turn": the provider's own tool is still at work, and the answer goes on.
    paused = bool(content) and content[-1].get("type") in ("server_tool_use", "mcp_tool_use")
    ends = role == "assistant" and not calls and not paused
    return Spoken("anthropic", role, calls, anthropic.answered(content), ends)


def _read_item(item: Message) -> Spoken:
    kind, role = openai_responses.kind_of(item), openai_responses.role_of(item)
    # openai-python 3.54 types: a message of the phase "commentary" comes before more of the answer.
    said = kind == "message" and item.get("phase") != "commentary"
    calls, answers = openai_responses.call_ids(item), openai_responses.answered(item)
    return Spoken("openai_responses", role, calls, answers, said and role == "assistant")


def tokens_of(message: Message, counter: Counter) -> int:
    """Tokens of a message, before calibration. Raises Unreadable."""
    content = message.get("content")
    if type(content) is str and len(message) == 2:  # a role and a text: nearly all there are
        return counter.text(content) + TOKENS_PER_MESSAGE
    match form_of(message):
        case "anthropic":
            return anthropic.tokens(message, counter)
        case "openai_responses":
            return openai_responses_size.tokens([message], counter)
        case "gemini":
            return gemini.tokens(message, counter)
        case _:
            return openai_chat.tokens(message, counter)
