import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.messages.images import UNKNOWN_IMAGE, document_tokens, image_tokens
from stitcher.messages.unreadable import Unreadable
from stitcher.wire.anthropic.message import read_answer, read_item, text
from tests.messages.test_images import encoded, png
from tests.wire.json_text import ODD, TEXT

Message = dict[str, Any]
EPHEMERAL = {"type": "ephemeral"}


def user(*content: Any) -> Message:
    one = len(content) == 1 and isinstance(content[0], str)
    return {"role": "user", "content": content[0] if one else list(content)}


def assistant(*content: Any) -> Message:
    return {**user(*content), "role": "assistant"}


def says(words: str, **more: Any) -> Message:
    return {"type": "text", "text": words, **more}


def call(arguments: Any, name: str = "f", id: str = "toolu_01ab", **more: Any) -> Message:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments, **more}


def result(content: Any, id: str = "toolu_01ab", **more: Any) -> Message:
    return {"type": "tool_result", "tool_use_id": id, "content": content, **more}


def image(data: str, **more: Any) -> Message:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": data},
        **more,
    }


def thinks(words: str = "hm", signature: str = "c2ln") -> Message:
    return {"type": "thinking", "thinking": words, "signature": signature}


def raw(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


# name → (one, other, whether a model is shown the same)
SAME: dict[str, tuple[Message | bytes, Message | bytes, bool]] = {
    "string and its one block": (user("hi"), user(says("hi")), True),
    "spacing": (b'{"role":"user","content":"hi"}', b'{ "role" : "user",\n"content": "hi" }', True),
    "escapes": (rb'{"role":"user","content":"\u0068i"}', user("hi"), True),
    "order of members": (b'{"content":"hi","role":"user"}', user("hi"), True),
    "order of a block's members": (
        user({"text": "hi", "type": "text"}, image("AAAA")),
        user(says("hi"), image("AAAA")),
        True,
    ),
    "order of an image's members": (
        user({"source": {"data": "AAAA", "media_type": "m", "type": "base64"}, "type": "image"}),
        user({"type": "image", "source": {"type": "base64", "media_type": "m", "data": "AAAA"}}),
        True,
    ),
    "a breakpoint": (user(says("hi", cache_control=EPHEMERAL)), user("hi"), True),
    "a breakpoint with a lifetime": (
        user(says("hi", cache_control={**EPHEMERAL, "ttl": "1h"})),
        user(says("hi", cache_control=EPHEMERAL)),
        True,
    ),
    "a breakpoint that is null": (user(says("hi", cache_control=None)), user("hi"), True),
    "a breakpoint on a call": (
        assistant(call({}, cache_control=EPHEMERAL)),
        assistant(call({})),
        True,
    ),
    "a breakpoint on an image": (
        user(image("AAAA", cache_control=EPHEMERAL)),
        user(image("AAAA")),
        True,
    ),
    "a breakpoint inside a result": (
        user(result([says("ok", cache_control=EPHEMERAL)])),
        user(result([says("ok")])),
        True,
    ),
    "a breakpoint inside a document": (
        user({"type": "document", "source": {"type": "content", "content": [says("x")]}}),
        user(
            {
                "type": "document",
                "source": {"type": "content", "content": [says("x", cache_control=EPHEMERAL)]},
            }
        ),
        True,
    ),
    "citations that are null": (assistant(says("hi", citations=None)), assistant("hi"), True),
    "trailing white space": (user("hi\n"), user("hi"), False),
    "trailing white space of every block": (
        user(says("a \n"), says("b")),
        user(says("a"), says("b\t")),
        False,
    ),
    "texts of an answer flattened": (assistant(says("a "), says(" b")), assistant("a  b"), False),
    "texts of an answer around thinking": (
        assistant(says("a"), thinks(), says("b")),
        assistant("ab"),
        False,
    ),
    "thinking dropped": (assistant(thinks(), says("a")), assistant("a"), False),
    "thinking redacted": (
        assistant({"type": "redacted_thinking", "data": "x"}, says("a")),
        assistant("a"),
        False,
    ),
    "an empty text": (assistant(says(""), call({"a": 1})), assistant(call({"a": 1})), False),
    "a text of white space": (assistant(says("\n\n"), call({})), assistant(call({})), False),
    "arguments in another order": (
        assistant(call({"a": 1, "b": {"c": 2, "d": 3}})),
        assistant(call({"b": {"d": 3, "c": 2}, "a": 1})),
        False,
    ),
    "arguments spaced otherwise": (
        b'{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]}',
        assistant(call({"a": 1}, id="t")),
        True,
    ),
    "a whole number with a fraction": (
        b'{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1.0}}]}',
        assistant(call({"a": 1}, id="t")),
        False,
    ),
    "a number in powers of ten": (
        b'{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":[1e2]}}]}',
        assistant(call({"a": [100]}, id="t")),
        False,
    ),
    "arguments missing": (
        b'{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f"}]}',
        assistant(call({}, id="t")),
        False,
    ),
    "ids rewritten": (assistant(call({"a": 1})), assistant(call({"a": 1}, id="toolu01ab")), False),
    "ids of results rewritten": (user(result("ok")), user(result("ok", id="toolu01ab")), False),
    "a result's text or its block": (user(result("ok")), user(result([says("ok")])), True),
    "a result's texts joined": (user(result([says("a"), says("b")])), user(result("ab")), False),
    "a result that is no error": (user(result("ok", is_error=False)), user(result("ok")), True),
    "a result without content": (
        user({"type": "tool_result", "tool_use_id": "toolu_01ab"}),
        user(result("")),
        False,
    ),
    "a result with trailing white space": (user(result("ok\n")), user(result("ok")), False),
    "ids of a server's call": (
        assistant({"type": "server_tool_use", "id": "a", "name": "web_search", "input": {"q": 1}}),
        assistant({"type": "server_tool_use", "id": "b", "name": "web_search", "input": {"q": 1}}),
        False,
    ),
    "null members of an unknown block": (
        assistant({"type": "novel", "x": 1, "caller": None}),
        assistant({"x": 1, "type": "novel"}),
        True,
    ),
    "content null or empty": (
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": []},
        True,
    ),
    "content missing": ({"role": "assistant"}, {"role": "assistant", "content": []}, True),
    "an empty string": (assistant(""), {"role": "assistant", "content": []}, False),
    "an effort set beside the text": (
        {"role": "system", "content": "x", "output_config": {"effort": "low"}},
        {"role": "system", "content": [says("x")]},
        False,
    ),
}

OTHER: dict[str, tuple[Message, Message]] = {
    "another word": (user("hi"), user("ho")),
    "another role": (user("hi"), assistant("hi")),
    "a system message": (user("hi"), {"role": "system", "content": "hi"}),
    "leading white space": (user(" hi"), user("hi")),
    "white space inside": (user("a b"), user("a  b")),
    "one block or two": (user(says("a"), says("b")), user("ab")),
    "white space between flattened texts": (assistant(says("a "), says("b")), assistant("ab")),
    "two images": (user(image("AAAA")), user(image("AAAB"))),
    "an image left out": (user(says("a"), image("AAAA")), user("a")),
    "another name": (assistant(call({}, name="f")), assistant(call({}, name="g"))),
    "one number changed": (assistant(call({"a": 1})), assistant(call({"a": 2}))),
    "a number and its text": (assistant(call({"a": 1})), assistant(call({"a": "1"}))),
    "true and one": (assistant(call({"a": True})), assistant(call({"a": 1}))),
    "null and nothing": (assistant(call({"a": None})), assistant(call({}))),
    "large numbers": (assistant(call({"a": 2**80})), assistant(call({"a": 2**80 + 1}))),
    "the order of a list": (assistant(call({"a": [1, 2]})), assistant(call({"a": [2, 1]}))),
    "an argument named like a marker": (
        assistant(call({"cache_control": 1})),
        assistant(call({"cache_control": 2})),
    ),
    "another result": (user(result("ok")), user(result("no"))),
    "results in another order": (
        user(result("a"), result("b", id="t2")),
        user(result("b", id="t2"), result("a")),
    ),
    "a result and its text": (user(result("ok")), user("ok")),
    "an image in a result": (user(result([image("AAAA")])), user(result([image("AAAB")]))),
    "a call and its name as text": (assistant(call({}, name="f")), assistant("f")),
    "a call before or after the text": (
        assistant(says("a"), call({})),
        assistant(call({}), says("a")),
    ),
    "texts around a call": (
        assistant(says("a"), call({}), says("b")),
        assistant(says("ab"), call({})),
    ),
    "two unknown blocks": (
        assistant({"type": "novel", "x": 1}),
        assistant({"type": "novel", "x": 2}),
    ),
    "two documents": (
        user({"type": "document", "source": {"type": "text", "data": "a"}}),
        user({"type": "document", "source": {"type": "text", "data": "b"}}),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_message_has_one_identity(name: str) -> None:
    one, other, alike = SAME[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity == second.identity
    assert (first.rendering == second.rendering) is alike


@pytest.mark.parametrize("name", OTHER)
def test_another_message_has_another_identity(name: str) -> None:
    one, other = OTHER[name]
    first, second = read_item(raw(one)), read_item(raw(other))
    assert first.identity != second.identity
    assert first.rendering != second.rendering


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user(result("x", is_error=True)), user(result("x"))),
        (assistant(says("a", citations=[{"x": 1}])), assistant("a")),
        (
            {"role": "system", "content": "x", "clear_at": "next_user_message"},
            {"role": "system", "content": "x"},
        ),
    ],
)
def test_what_a_model_sees_besides_the_text_is_rendered(one: Message, other: Message) -> None:
    assert read_item(raw(one)).rendering != read_item(raw(other)).rendering


def test_an_item_knows_its_role_ids_and_thinking() -> None:
    item = read_item(raw(assistant(thinks(), says("x"), call({}, id="a"), call({}, id="b"))))
    assert (item.role, item.calls, item.answers, item.thinks) == ("assistant", ("a", "b"), (), True)
    item = read_item(raw(user(result("x", id="a"), result("y", id="b"), says("go on"))))
    assert (item.role, item.calls, item.answers, item.thinks) == ("user", (), ("a", "b"), False)
    assert not item.starts_turn
    assert read_item(raw(user("hi"))).starts_turn
    assert item.dialect == "anthropic"


def test_bytes_are_kept_but_for_line_breaks_outside_strings() -> None:
    spelled = b'{ "role": "user",\r\n  "content": "a\\nb" }'
    assert read_item(spelled).raw == b'{ "role": "user",  "content": "a\\nb" }'
    assert read_item(b'{ "role":"user" ,"content":"x"}').raw == b'{ "role":"user" ,"content":"x"}'


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"null",
        b"[]",
        b'"hi"',
        b"{}",
        b'{"content":"x"}',
        b'{"role":"tool","content":"x"}',
        b'{"role":["user"],"content":"x"}',
        b'{"role":{},"content":"x"}',
        b'{"role":null}',
        b'{"role":"user","content":1}',
        b'{"role":"user","content":{"type":"text"}}',
        b'{"role":"user","content":["x"]}',
        b'{"role":"user","content":[[]]}',
        b'{"role":"user","content":[{"type":"tool_result","content":7}]}',
        b'{"role":"user","content":"\xff"}',
        b'{"role":"user","content":"\\ud800"}',
        b'{"role":"user","content":' + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_unreadable(message: bytes) -> None:
    with pytest.raises(Unreadable):
        read_item(message)


ODD_BLOCK = st.fixed_dictionaries(
    {
        "type": st.one_of(
            st.sampled_from(
                ["text", "image", "document", "tool_use", "tool_result", "thinking", "novel"]
            ),
            ODD,
        )
    },
    optional={
        "text": ODD,
        "source": ODD,
        "input": ODD,
        "id": ODD,
        "name": ODD,
        "content": ODD,
        "tool_use_id": ODD,
        "cache_control": ODD,
        "is_error": ODD,
        "thinking": ODD,
        "citations": ODD,
    },
)


@given(st.lists(ODD_BLOCK, max_size=3), st.sampled_from(["user", "assistant", "system"]))
def test_odd_blocks_are_read_or_unreadable_never_another_error(
    content: list[Any], role: str
) -> None:
    message = raw({"role": role, "content": content})
    try:
        item = read_item(message)
    except Unreadable:
        return
    assert item.tokens > 0
    assert read_item(json.dumps(json.loads(message), indent=2).encode()).identity == item.identity
    text(message)


@given(TEXT, TEXT)
def test_texts_are_equal_only_up_to_trailing_white_space(one: str, other: str) -> None:
    same = read_item(raw(user(one))).identity == read_item(raw(user(other))).identity
    assert same is (one.rstrip() == other.rstrip())


def test_a_repeated_key_inside_a_message_is_carried_along() -> None:
    odd = b'{"role":"user","content":[{"type":"text","text":"a","text":"b"}]}'
    assert read_item(odd).raw == odd
    assert read_item(odd).identity == read_item(raw(user("b"))).identity


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (user("hi"), "hi"),
        (user(says("a"), says("b")), "ab"),
        (assistant(thinks(), says("a")), "a"),
        ({"role": "assistant"}, ""),
        (assistant(says("a"), call({})), None),
        (user(result("x")), None),
        (user(says("a"), image("AAAA")), None),
        (assistant({"type": "novel"}), None),
        (assistant(says("a", citations=[{"type": "page_location"}])), None),
    ],
)
def test_text_is_all_a_message_says_or_none(message: Message, said: str | None) -> None:
    assert text(raw(message)) == said


def test_an_answer_is_read_like_any_message() -> None:
    assert read_answer(raw(assistant("x"))) == read_item(raw(assistant("x")))


# Bytes per token, measured with a reconstruction of Claude's vocabularies: (5.x, 3 to 4.6).
PROSE = "The window is cut back to about one half, on a turn boundary, never in a tool loop. " * 12
LINES = {
    "prose": (PROSE, 2.80, 3.77),
    "code": ("    def feed(self, chunk: bytes) -> list[bytes]:\n" * 20, 2.87, 3.63),
    "json": (json.dumps([{"id": n, "name": f"item {n}"} for n in range(40)]), 2.42, 2.77),
}


@pytest.mark.parametrize("name", LINES)
def test_tokens_are_within_a_third_of_what_models_count(name: str) -> None:
    words, newer, older = LINES[name]
    size = len(words.encode())
    tokens = read_item(raw(user(words))).tokens
    assert tokens == pytest.approx(size / newer, rel=0.35)
    assert tokens == pytest.approx(size / older, rel=0.37)


def test_east_asian_text_counts_about_one_token_a_character() -> None:
    assert read_item(raw(user("記憶は会話の間に立つ" * 50))).tokens == pytest.approx(500, rel=0.35)


def test_tokens_of_calls_and_results_count_what_they_hold() -> None:
    arguments = {"path": PROSE}
    said = read_item(raw(user(PROSE))).tokens
    assert read_item(raw(assistant(call(arguments)))).tokens == pytest.approx(said, rel=0.1)
    assert read_item(raw(user(result(PROSE)))).tokens == pytest.approx(said, rel=0.1)
    assert read_item(raw(user(result([says(PROSE)])))).tokens == pytest.approx(said, rel=0.1)
    assert read_item(raw(assistant(thinks(PROSE)))).tokens == pytest.approx(said, rel=0.1)


def test_tokens_of_images_and_documents_go_by_what_they_show() -> None:
    data = encoded(png(800, 600, ballast=500_000))
    base = read_item(raw(user())).tokens
    pixels = image_tokens(data, "anthropic")
    assert read_item(raw(user(image(data)))).tokens == base + pixels
    assert read_item(raw(user(result([image(data)])))).tokens == base + pixels + 8
    url = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    assert read_item(raw(user(url))).tokens == base + UNKNOWN_IMAGE
    for source, expected in (
        ({"type": "base64", "media_type": "application/pdf", "data": "AAAA"}, document_tokens("")),
        ({"type": "url", "url": "https://x/y.pdf"}, document_tokens("")),
        ({"type": "text", "media_type": "text/plain", "data": PROSE}, len(PROSE) / 2.8),
        ({"type": "content", "content": PROSE}, len(PROSE) / 2.8),
        ({"type": "content", "content": [says(PROSE)]}, len(PROSE) / 2.8),
    ):
        tokens = read_item(raw(user({"type": "document", "source": source}))).tokens
        assert tokens - base == pytest.approx(expected, rel=0.02)
