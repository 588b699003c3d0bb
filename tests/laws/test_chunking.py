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


def responses_stream(texts: list[str], arguments: str, end: str) -> bytes:
    """A streamed Responses answer: reasoning, text, a call, usage."""
    summary = [{"type": "summary_text", "text": "hm"}]
    part = {"type": "output_text", "text": "".join(texts), "annotations": []}
    items: list[Any] = [
        {"type": "reasoning", "id": "rs_1", "summary": summary},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [part]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": arguments},
    ]
    response = {"id": "resp_1", "status": "in_progress", "output": []}
    events: list[Any] = [{"type": "response.created", "response": response}]
    for text in texts:
        delta = {"output_index": 1, "content_index": 0, "delta": text}
        events.append({"type": "response.output_text.delta", **delta})
    for n, item in enumerate(items):
        events.append({"type": "response.output_item.done", "output_index": n, "item": item})
    usage = {"input_tokens": 5, "output_tokens": 9}
    ended = {**response, "status": "completed", "output": [], "usage": usage}
    events.append({"type": "response.completed", "response": ended})
    return "".join(
        f"event: {e['type']}{end}data: {json.dumps(e, ensure_ascii=False)}{end}{end}"
        for e in events
    ).encode()


STREAMS = {
    "openai_chat": (chat_stream, 7, "call_1"),
    "anthropic": (anthropic_stream, 3, "toolu_1"),
    "openai_responses": (responses_stream, 5, "call_1"),
}


@settings(max_examples=60, deadline=None)
@given(
    dialect=st.sampled_from(sorted(STREAMS)),
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
    streamed, counted, called = STREAMS[dialect]
    stream = streamed(texts, arguments, end)
    places = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    for one_by_one in (chunks, [stream], [bytes([byte]) for byte in stream]):
        fold = DIALECTS[dialect].fold(stream=True, hide_usage=hide)
        passed = [piece for chunk in one_by_one for piece in fold.feed(chunk)]
        passed += fold.close()
        received = fold.received()
        assert received.complete
        assert received.message is not None
        said = [received.message, *received.further]
        items = [DIALECTS[dialect].read_answer(message) for message in said]
        assert [call for item in items for call in item.calls] == [called]
        assert len(items) == (2 if dialect == "openai_responses" else 1)
        shown = json.dumps([json.loads(message) for message in said], ensure_ascii=False)
        assert "".join(texts) in shown or any(c in '\n"\\' for c in "".join(texts))
        hidden = b"".join(passed)
        if hide and dialect == "openai_chat":
            assert b"prompt_tokens" not in hidden
            assert hidden.endswith(b"[DONE]" + 2 * end.encode())
        else:
            assert hidden == stream
        assert received.reported == counted
