"""What an application hands over, checked and copied: from there on it is JSON and ours.

SDK objects are taken as well as dicts: what has a `model_dump` is what it dumps, so
`completion.choices[0].message` and `{"role": "assistant", "content": response.content}` are
messages. Errors name members and types, never what was said.
"""

import math
from typing import Any

from stitcher.messages.reading import Message, read

_PLAIN = (str, int, bool, type(None))


def accepted(message: object) -> Message:
    """A copy of a message. Raises TypeError or ValueError: what was found, what is expected."""
    dumped = _dumped(message)
    if not isinstance(dumped, dict):
        raise TypeError(
            f"found a message of type {type(message).__name__}, expected a dict such as "
            '{"role": "user", "content": "Hi"}'
        )
    return _bare_answer(expect_message(copied(dumped, "message")))


def expect_message(message: object) -> Message:
    """The message itself if it is one, its values unseen. Raises TypeError, ValueError."""
    if not isinstance(message, dict):
        raise TypeError(f"found a message of type {type(message).__name__}, expected a dict")
    role, content = message.get("role"), message.get("content")
    if not (type(role) is str and role and type(content) is str):  # nearly all there are
        _expect_speaker(message)
        read(message)
    return message


def _expect_speaker(message: Message) -> None:
    for key in ("role", "type"):
        said = message.get(key)
        if isinstance(said, str) and said:
            return
    if isinstance(message.get("parts"), list):
        return  # a content of the Gemini API may leave its role out
    found = ", ".join(sorted(message)) or "none"
    raise ValueError(
        "found a message without a 'role' (members: " + found + "), expected one such as "
        "'user', 'assistant', 'system' or 'tool', or an item of the Responses API with a 'type'"
    )


def _bare_answer(message: Message) -> Message:
    """A whole response of Anthropic's is a message and more: the more is refused as input."""
    if message.get("type") == "message" and "stop_reason" in message:
        return {"role": message.get("role"), "content": message.get("content")}
    return message


def copied(value: object, place: str) -> Any:
    """A copy of a JSON value, `place` being what it is called in an error.

    Raises TypeError for what JSON has no form for, ValueError for a number that is none and for
    what is nested too deeply.
    """
    try:
        return _copied(value, place)
    except RecursionError:
        raise ValueError(f"{place}: found values nested too deeply") from None


def _copied(value: object, place: str) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place}: found {value}, expected a number that JSON has a form for")
        return value
    if isinstance(value, dict):
        return {
            _key(key, place): inner if type(inner) is str else _copied(inner, f"{place}.{key}")
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_copied(inner, f"{place}[{n}]") for n, inner in enumerate(value)]
    dumped = _dumped(value)
    if dumped is not value:
        return _copied(dumped, place)
    raise TypeError(
        f"{place}: found a value of type {type(value).__name__}, expected what JSON has a form for"
    )


def _key(key: object, place: str) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"{place}: found a key of type {type(key).__name__}, expected a string")


def _dumped(value: object) -> object:
    """What a model object of an SDK says: of what was set, as the SDKs themselves send it."""
    dump = getattr(value, "model_dump", None)
    if not callable(dump) or isinstance(value, type):
        return value
    return dump(mode="json", by_alias=True, exclude_unset=True)


def duplicate(message: Message) -> Message:
    """A copy of a message that was accepted before: its containers are new, its texts shared."""
    return {
        key: value if type(value) is str else _duplicate(value) for key, value in message.items()
    }


def _duplicate(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return duplicate(value)
    if kind is list:
        return [_duplicate(inner) for inner in value]
    return value
