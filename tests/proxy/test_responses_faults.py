"""The Responses API with hostile and unlucky clients: what they hear, what the log keeps."""

import gzip
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from stitcher import exchange
from stitcher.planning import Plan, plan
from stitcher.proxy.serve import serving
from stitcher.responses_api import references
from stitcher.settings import Settings
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import RESERVED, SessionKey
from stitcher.verify import verify
from stitcher.wire.call import Call
from stitcher.wire.openai_responses import parse
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import Message, user
from tests.proxy.raw import Call as Asked
from tests.proxy.raw import ask, provider, run
from tests.proxy.sockets import completed, streamed

API = "openai_responses"


def test_a_conversation_cannot_be_named_like_a_log_of_the_programs_own() -> None:
    talk = Dialogue(responses_state="upstream")
    index = f"{RESERVED}responses-00"
    with talk.refusing("the provider has no such conversation either"):
        reply = talk.client(API).says("hi", conversation=index)
    assert reply.said.startswith("bypass; ")
    assert talk.provider.last.json["conversation"] == index
    assert list(talk.store.newest_first(SessionKey("local", index))) == []
    talk.end()


@pytest.mark.parametrize("about", ["previous_response_id", "conversation"])
def test_who_only_observes_refuses_nothing(about: str) -> None:
    talk = Dialogue(tenancy="key", mode="observe")
    with talk.refusing("the provider has not heard of it either"):
        reply = talk.client(API, mode="observe").says("hi", **{about: "conv_nobody"})
    assert reply.said.startswith("bypass; ")
    assert talk.provider.last.untouched
    talk.end()


def test_a_long_history_to_put_back_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    planned: list[int] = []

    def noted(*about: Any) -> Plan | None:
        planned.append(threading.get_ident())
        return plan(*about)

    monkeypatch.setattr(exchange, "plan", noted)
    monkeypatch.setattr(exchange, "_MANY_MESSAGES", 2)
    talk = Dialogue()
    client = talk.client(API)
    second = client.follows(client.says("one"), "two")
    assert set(planned) == {threading.get_ident()}
    planned.clear()
    assert client.follows(second, "three").restored == 4
    assert threading.get_ident() not in planned
    assert planned
    talk.end()


def test_items_put_in_the_place_of_their_ids_hold_up_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[int] = []

    def noted(body: bytes) -> Call:
        read.append(threading.get_ident())
        return parse(body)

    monkeypatch.setattr(references, "parse", noted)
    talk = Dialogue()
    client = talk.client(API)
    first = client.says("one")
    (said,) = json.loads(first.body)["output"]
    named: Message = {"type": "item_reference", "id": said["id"]}
    assert client.sends([user("one"), named, user("two")]).status == 200
    assert talk.provider.last.messages[1] == said
    assert len(read) == 1
    assert threading.get_ident() not in read
    talk.end()


SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
}
WHOLE = completed("resp_1", output=[SAID])["response"]
DONE: Message = {"type": "response.output_item.done", "output_index": 0, "item": SAID}
END = completed("resp_1", output=[SAID])
STREAM = "Content-Type: text/event-stream"
ODD: dict[str, tuple[bytes, str]] = {
    "no id": (json.dumps({**WHOLE, "id": None}).encode(), ""),
    "an id that is a number": (json.dumps({**WHOLE, "id": 7}).encode(), ""),
    "an id with a NUL and a line's end": (json.dumps({**WHOLE, "id": "a\0\n"}).encode(), ""),
    "an id of a megabyte": (json.dumps({**WHOLE, "id": "r" * 1_000_000}).encode(), ""),
    "no output": (b'{"id":"resp_1","status":"completed"}', ""),
    "output of null": (json.dumps({**WHOLE, "output": None}).encode(), ""),
    "output of numbers": (json.dumps({**WHOLE, "output": [1, None, "x"]}).encode(), ""),
    "items of no kind": (json.dumps({**WHOLE, "output": [{}, {"type": 5}]}).encode(), ""),
    "usage of no kind": (json.dumps({**WHOLE, "usage": [{"input_tokens": "5"}]}).encode(), ""),
    "JSON over many lines": (json.dumps(WHOLE, indent=2).replace("\n", "\r\n").encode(), ""),
    "JSON that is no text": (
        json.dumps({**WHOLE, "by": "??"}).encode().replace(b"??", b"\xff"),
        "",
    ),
    "JSON nested too deeply": (b'{"id":"r","output":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    "half of it": (json.dumps(WHOLE).encode()[:50], ""),
    "nothing": (b"", ""),
    "a page": (b"<html>", "Content-Type: text/html"),
    "events without names": (b"data: " + json.dumps(END).encode() + b"\n\n", STREAM),
    "events in CRLF": (streamed(DONE, END).replace(b"\n", b"\r\n"), STREAM),
    "events in the wrong order": (streamed(END, DONE, {"type": "response.created"}), STREAM),
    "the end twice": (streamed(DONE, END, completed("resp_2", output=[])), STREAM),
    "an end that says null": (streamed(DONE, {**END, "response": None}), STREAM),
    "an error in the middle": (streamed(DONE, {"type": "error", "message": "no"}), STREAM),
    "events of no kind": (streamed({"type": "x"}) + b"data: 5\n\ndata: {no\n\n", STREAM),
    "places of no kind": (streamed({**DONE, "output_index": "a"}, {**DONE, "item": 5}), STREAM),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_whatever_a_provider_answers_reaches_the_client_and_harms_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, zipped: bool
) -> None:
    async def answers(asked: Asked) -> None:
        name = json.loads(asked.request.body)["metadata"]["odd"]
        body, kind = ODD.get(name, (json.dumps({**WHOLE, "id": "resp_good"}).encode(), ""))
        headers = [kind or "Content-Type: application/json"]
        if zipped:
            body, headers = gzip.compress(body), [*headers, "Content-Encoding: gzip"]
        await asked.answer(body, *headers)

    async def story() -> None:
        async with provider(answers) as upstream:
            settings = Settings(port=0, upstream=upstream.url, data_dir=tmp_path, durability="os")
            async with serving(settings) as url:

                async def says(odd: str, **more: Any) -> bytes:
                    body = {"model": "m", "input": odd, "metadata": {"odd": odd}, **more}
                    raw = json.dumps(body).encode()
                    answer = await ask(url, "POST", "/v1/responses", body=raw)
                    assert answer.status == 200
                    assert answer.get("x-stitcher-status") in ("passthrough", "stitched")
                    return answer.body

                for odd, (body, _) in ODD.items():
                    await says("good")
                    for stream in (False, True):
                        assert await says(odd, stream=stream) == body, odd
                    follows = {"previous_response_id": "resp_good"}
                    assert await says(odd, **follows) == body, odd

    run(story())
    store = JsonlStore(tmp_path, read_only=True)
    assert all(verify(store, info.key).problems == () for info in store.sessions())
    for file in tmp_path.rglob("*.jsonl"):
        assert all(json.loads(line)["type"] for line in file.read_bytes().splitlines())
    assert "unexpected" not in caplog.text
