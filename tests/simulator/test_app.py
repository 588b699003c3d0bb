"""The routes, the record and the story of one request, over plain HTTP."""

import gzip
import http.client
import json
import sys
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from stitcher.simulator.serve import SimulatorThread

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KEY = {"authorization": "Bearer key"}
CLAUDE_KEY = {"x-api-key": "key", "anthropic-version": "2023-06-01"}
CHAT = {"model": "sim-m", "messages": [{"role": "user", "content": "[[say hi]]"}]}
MESSAGES = {**CHAT, "model": "claude-sim", "max_tokens": 9}


def ask(
    sim: SimulatorThread,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(sim.url).netloc, timeout=5)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def post(
    sim: SimulatorThread, path: str, value: Any, headers: dict[str, str]
) -> tuple[int, dict[str, str], Any]:
    status, answered, body = ask(sim, "POST", path, json.dumps(value).encode(), headers)
    return status, answered, json.loads(body)


def test_what_was_received_is_kept_byte_for_byte(sim: SimulatorThread) -> None:
    body = b'{ "model":"sim-m",\n "messages":[{"role":"user","content":"caf\\u00e9 \xc3\xa9"}] }'
    ask(sim, "POST", "/v1/chat/completions?x=%2F", body, {**KEY, "X-Odd-Case": "v"})
    received = sim.requests[0]
    assert (received.method, received.path) == ("POST", "/v1/chat/completions?x=%2F")
    assert received.body == received.decoded == body
    assert ("X-Odd-Case", "v") in received.headers
    assert received.status == 200
    assert received.usage is not None
    assert received.usage["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)]
)
def test_compressed_bodies_are_read_and_kept_as_they_came(
    sim: SimulatorThread, encoding: str, compress: Any
) -> None:
    plain = json.dumps(CHAT).encode()
    headers = {**KEY, "content-encoding": encoding}
    status, _, _ = ask(sim, "POST", "/v1/chat/completions", compress(plain), headers)
    assert status == 200
    assert sim.requests[0].body != plain
    assert sim.requests[0].decoded == plain


@pytest.mark.parametrize(
    ("path", "headers", "status", "kind"),
    [
        ("/v1/chat/completions", {**KEY, "content-encoding": "br"}, 415, "invalid_request_error"),
        ("/v1/messages", {**CLAUDE_KEY, "content-encoding": "br"}, 415, "invalid_request_error"),
        ("/v1/chat/completions", KEY, 400, "invalid_request_error"),
        ("/v1/messages", CLAUDE_KEY, 400, "invalid_request_error"),
        ("/v1/messages", {}, 401, "authentication_error"),
        ("/v1/chat/completions", {}, 401, "invalid_request_error"),
        ("/v1/v1/chat/completions", KEY, 404, "invalid_request_error"),
        ("/chat/completions", KEY, 404, "invalid_request_error"),
        ("/v1/v1/messages", CLAUDE_KEY, 404, "not_found_error"),
        ("/v1/responses", KEY, 400, "invalid_request_error"),
        ("/v1/embeddings", KEY, 400, "invalid_request_error"),
    ],
)
def test_bad_requests_are_answered_in_the_provider_s_shape(
    sim: SimulatorThread, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    got, answered, body = ask(sim, "POST", path, b"{broken", headers)
    assert got == status == sim.requests[0].status
    document = json.loads(body)
    assert document["error"]["type"] == kind
    assert ("request-id" in answered) == ("request_id" in document)
    assert ("x-request-id" in answered) != ("request-id" in answered)


def test_the_first_thing_a_claude_client_asks(sim: SimulatorThread) -> None:
    assert ask(sim, "HEAD", "/api/hello")[0] == 200


def test_models_are_listed_in_either_manner(sim: SimulatorThread, chat: openai.OpenAI) -> None:
    assert "sim-small" in [model.id for model in chat.models.list()]
    assert chat.models.retrieve("anything").id == "anything"
    _, _, body = ask(sim, "GET", "/v1/models?limit=1000", None, CLAUDE_KEY)
    assert json.loads(body)["data"][0]["type"] == "model"
    _, _, body = ask(sim, "GET", "/v1/models/claude-x", None, CLAUDE_KEY)
    assert json.loads(body)["id"] == "claude-x"
    assert ask(sim, "GET", "/v1/models")[0] == 401


def test_embeddings_are_a_function_of_their_text(chat: openai.OpenAI) -> None:
    first = chat.embeddings.create(model="e", input=["a", "b"], dimensions=8).data
    again = chat.embeddings.create(model="e", input="a", dimensions=8, encoding_format="float").data
    assert first[0].embedding == pytest.approx(again[0].embedding)
    assert first[0].embedding != first[1].embedding
    assert len(first[0].embedding) == 8
    with pytest.raises(openai.BadRequestError, match="input"):
        chat.embeddings.create(model="e", input=[])


def test_files_are_taken_as_multipart(sim: SimulatorThread, chat: openai.OpenAI) -> None:
    stored = chat.files.create(file=("a.txt", b"x" * 1000), purpose="batch")
    assert (stored.bytes, stored.filename, stored.purpose) == (1000, "a.txt", "batch")
    status, _, _ = post(sim, "/v1/files", {}, KEY)
    assert status == 400


def test_answers_are_compressed_when_asked_and_allowed(sim: SimulatorThread) -> None:
    value = {**CHAT, "messages": [{"role": "user", "content": "[[gzip]] [[say hi]]"}]}
    body = json.dumps(value).encode()
    path = "/v1/chat/completions"
    _, headers, raw = ask(sim, "POST", path, body, {**KEY, "accept-encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["choices"][0]["message"]["content"] == "hi"
    _, headers, raw = ask(sim, "POST", path, body, KEY)
    assert "content-encoding" not in headers
    streamed = json.dumps({**value, "stream": True}).encode()
    _, headers, raw = ask(sim, "POST", path, streamed, {**KEY, "accept-encoding": "gzip"})
    assert gzip.decompress(raw).endswith(b"data: [DONE]\n\n")


def test_the_record_and_the_script_are_there_over_http_too(sim: SimulatorThread) -> None:
    status, _, answered = post(sim, "/simulator/script", {"steps": [{"status": 503}]}, {})
    assert (status, answered) == (200, {"queued": 1})
    status, _, _ = post(sim, "/v1/messages", MESSAGES, CLAUDE_KEY)
    assert status == 503
    _, _, body = ask(sim, "GET", "/simulator/requests")
    (shown,) = json.loads(body)
    assert (shown["status"], json.loads(shown["body"])) == (503, MESSAGES)
    assert ["x-api-key", "***"] in shown["headers"]
    assert ask(sim, "DELETE", "/simulator/requests")[0] == 200
    assert sim.requests == []
    status, _, answered = post(sim, "/simulator/script", {"steps": [{"explode": 1}]}, {})
    assert status == 400
    assert "a step is an object with keys among" in answered["error"]
    assert ask(sim, "POST", "/simulator/script", b"{", {})[0] == 400
    assert ask(sim, "POST", "/simulator/release", b"", {})[0] == 200


def test_keys_do_not_share_a_cache(sim: SimulatorThread) -> None:
    marked = {"type": "text", "text": "k" * 400, "cache_control": {"type": "ephemeral"}}
    value = {**MESSAGES, "messages": [{"role": "user", "content": [marked]}]}

    def read(key: str) -> int:
        _, _, answer = post(sim, "/v1/messages", value, {**CLAUDE_KEY, "x-api-key": key})
        return int(answer["usage"]["cache_read_input_tokens"])

    assert [read("one"), read("one"), read("two")] == [0, 103, 0]
