"""Messages of any form as one API takes them, those it takes already left as they are.

The form of a message depends on it and its neighbours in one answer alone, so a prompt that grows
begins with the same messages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Final

from stitcher.messages.anthropic import neutral as anthropic
from stitcher.messages.gemini import neutral as gemini
from stitcher.messages.grouping import OPENING, Ids, Run
from stitcher.messages.openai_chat import neutral as openai_chat
from stitcher.messages.openai_responses import neutral as openai_responses
from stitcher.messages.parts import Part, Text, ToolCall
from stitcher.messages.reading import Form, Message, form_of, read

_PARTS: Final[dict[Form, Callable[[Message], Sequence[Part]]]] = {
    "plain": openai_chat.parts,
    "openai_chat": openai_chat.parts,
    "openai_responses": openai_responses.parts,
    "anthropic": anthropic.parts,
    "gemini": gemini.parts,
}


@dataclass(frozen=True, slots=True)
class Target:
    """An API that messages are written for."""

    takes: Callable[[Message], bool]  # as it is
    written: Callable[[Sequence[Part]], list[Message]]
    user_speaks_first: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A message as it goes out, and the one it came from: the last, where it came from several."""

    message: Message
    source: int  # index of the message given


# What a plain message may hold: SDKs' answers have more (`refusal`, `annotations`), which the API
# that they came from takes back and others refuse ("Extra inputs are not permitted").
_OF_A_MESSAGE: Final = frozenset(("role", "content", "cache_control", "clear_at", "output_config"))
_OF_AN_ITEM: Final = frozenset(("role", "content", "phase"))


def _takes_chat(message: Message) -> bool:
    return form_of(message) in ("plain", "openai_chat")


def _takes_blocks(message: Message) -> bool:
    form = form_of(message)
    return form == "anthropic" or (form == "plain" and message.keys() <= _OF_A_MESSAGE)


def _takes_item(message: Message) -> bool:
    if form_of(message) == "openai_responses":
        return True
    # A list of texts is written differently there; one text is the same everywhere.
    plain = form_of(message) == "plain" and isinstance(message.get("content"), str)
    return plain and message.keys() <= _OF_AN_ITEM


def _takes_content(message: Message) -> bool:
    return form_of(message) == "gemini"


CHAT: Final = Target(_takes_chat, openai_chat.written, user_speaks_first=False)
RESPONSES: Final = Target(_takes_item, openai_responses.written, user_speaks_first=False)
MESSAGES: Final = Target(_takes_blocks, anthropic.written, user_speaks_first=True)


def contents(messages: Sequence[Message]) -> Target:
    """The Gemini API, for a prompt of these messages: a result there names its function.

    Raises Unreadable.
    """
    names: dict[str, str] = {}
    for message in messages:
        if read(message).calls:
            names |= {part.id: part.name for part in _said(message) if isinstance(part, ToolCall)}
    return Target(_takes_content, partial(gemini.written, names=names), user_speaks_first=True)


def translated(messages: Sequence[Message], to: Target) -> list[Written]:
    """The messages as `to` takes them, in order. What has no form there is left out.

    Raises Unreadable.
    """
    takes = [to.takes(message) for message in messages]
    if all(takes):
        made = [Written(message, n) for n, message in enumerate(messages)]
    else:
        made = _rewritten(messages, takes, to)
    if to.user_speaks_first and made and read(made[0].message).role == "assistant":
        opening = to.written([Text("user", OPENING)])
        made = [*(Written(message, made[0].source) for message in opening), *made]
    return made


def _rewritten(messages: Sequence[Message], takes: Sequence[bool], to: Target) -> list[Written]:
    own = [read(message) for message, taken in zip(messages, takes, strict=True) if taken]
    ids = Ids(
        named=frozenset().union(*(one.answers for one in own)),
        given=set().union(*(one.calls for one in own)),
    )
    made: list[Written] = []
    for taken, run in groupby(range(len(messages)), takes.__getitem__):
        if taken:
            for n in run:
                ids.keep(read(messages[n]).calls)
                made.append(Written(messages[n], n))
        else:
            made += _written(messages, list(run), to, ids)
    return made


def _written(
    messages: Sequence[Message], run: Sequence[int], to: Target, ids: Ids
) -> Iterator[Written]:
    together: Run[int] = Run()
    for n in run:
        together.take([ids.part(part) for part in _said(messages[n])], n)
    for block in together.blocks:
        for message in to.written(block.parts):
            yield Written(message, block.sources[-1])


def _said(message: Message) -> Sequence[Part]:
    return _PARTS[form_of(message)](message)
