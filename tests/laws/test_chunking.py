"""Chunking: what an answer becomes does not depend on how its bytes arrive.

Seen to fail: with what is left of a chunk forgotten (events are lost), and with an event's end
sought in the new chunk only (two events become one).
"""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.wire.dialects import DIALECTS

TEXT = st.text(alphabet='aé☃🙂 \n"\\', min_size=1, max_size=12)
END = st.sampled_from(["\n", "\r\n"])


def chat_stream(texts: list[str], arguments: str, end: str) -> bytes:
    """A streamed Chat Completions answer: text, a call in pieces, usage."""
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}]
    chunks += [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    call = {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    chunks.append({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
    for piece in (arguments[:3], arguments[3:]):
        part = {"index": 0, "function": {"arguments": piece}}
        chunks.append({"choices": [{"index": 0, "delta": {"tool_calls": [part]}}]})
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 7}})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}{end}" for chunk in chunks]
    return "".join([f": hello{end}{end}", *lines, f"data: [DONE]{end}{end}"]).encode()


def anthropic_stream(texts: list[str], arguments: str, end: str) -> bytes:
    """A streamed Messages answer: thinking, text, a call in pieces, usage."""
    events: list[Any] = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": ""},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "hm"},
        },
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": "s"},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    ]
    for text in texts:
        delta = {"type": "text_delta", "text": text}
        events.append({"type": "content_block_delta", "index": 1, "delta": delta})
    events.append({"type": "content_block_stop", "index": 1})
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    events.append({"type": "content_block_start", "index": 2, "content_block": call})
    for piece in ("", arguments[:3], arguments[3:]):
        delta = {"type": "input_json_delta", "partial_json": piece}
        events.append({"type": "content_block_delta", "index": 2, "delta": delta})
    events.append({"type": "content_block_stop", "index": 2})
    events.append({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 9}})
    events.append({"type": "message_stop"})
    return "".join(
        f"event: {e['type']}{end}data: {json.dumps(e, ensure_ascii=False)}{end}{end}"
        for e in events
    ).encode()


@settings(max_examples=60, deadline=None)
@given(
    dialect=st.sampled_from(["openai_chat", "anthropic"]),
    texts=st.lists(TEXT, min_size=1, max_size=4),
    value=TEXT,
    end=END,
    cuts=st.lists(st.integers(0, 5_000), max_size=30),
    hide=st.booleans(),
)
def test_an_answer_is_the_same_in_any_chunking(
    dialect: str, texts: list[str], value: str, end: str, cuts: list[int], hide: bool
) -> None:
    arguments = json.dumps({"a": value})
    stream = (chat_stream if dialect == "openai_chat" else anthropic_stream)(texts, arguments, end)
    places = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    for one_by_one in (chunks, [stream], [bytes([byte]) for byte in stream]):
        fold = DIALECTS[dialect].fold(stream=True, hide_usage=hide)
        passed = [piece for chunk in one_by_one for piece in fold.feed(chunk)]
        passed += fold.close()
        received = fold.received()
        assert received.complete
        assert received.message is not None
        item = DIALECTS[dialect].read_answer(received.message)
        assert item.calls == (("call_1",) if dialect == "openai_chat" else ("toolu_1",))
        assert "".join(texts) in json.dumps(
            json.loads(received.message), ensure_ascii=False
        ) or any(c in '\n"\\' for c in "".join(texts))
        hidden = b"".join(passed)
        if hide and dialect == "openai_chat":
            assert b"prompt_tokens" not in hidden
            assert hidden.endswith(b"[DONE]" + 2 * end.encode())
        else:
            assert hidden == stream
        assert received.reported == (7 if dialect == "openai_chat" else 3)
