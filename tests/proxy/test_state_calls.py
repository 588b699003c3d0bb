"""What is asked of the Responses API's state, over HTTP, of the proxy as it is shipped."""

import gzip
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, NotFoundError

from stitcher.proxy.serve import serving
from stitcher.settings import Settings
from tests.proxy.raw import Call, Message, Provider, ask, provider, run

Json = dict[str, Any]
Story = Callable[[Provider, str], Awaitable[None]]


def response(number: int, **changed: Any) -> Json:
    text = {"type": "output_text", "text": f"Answer {number}.", "annotations": []}
    said = {
        "type": "message",
        "id": f"msg_{number}",
        "status": "completed",
        "role": "assistant",
        "content": [text],
    }
    return {
        "id": f"resp_{number}",
        "object": "response",
        "status": "completed",
        "output": [said],
        **changed,
    }


class Provides:
    """A provider that answers, and refuses whatever else it is asked for."""

    def __init__(self, elsewhere: str = "404 Not Found", **changed: Any) -> None:
        self.elsewhere = elsewhere
        self.changed = changed
        self.given = 0

    async def __call__(self, call: Call) -> None:
        kind = "Content-Type: application/json"
        if call.request.start.startswith("POST /v1/responses "):
            self.given += 1
            body = json.dumps(response(self.given, **self.changed)).encode()
            await call.answer(body, kind)
        else:
            body = json.dumps({"asked": call.request.start}).encode()
            await call.answer(body, kind, "X-Own: 1", status=self.elsewhere)


@asynccontextmanager
async def proxied(
    data_dir: Path, provides: Provides, **changed: Any
) -> AsyncGenerator[tuple[Provider, str]]:
    async with provider(provides) as upstream:
        settings = Settings(port=0, upstream=upstream.url, data_dir=data_dir, **changed)
        async with serving(settings) as url:
            yield upstream, url


def told(tmp_path: Path, story: Story, provides: Provides | None = None, **changed: Any) -> None:
    """Tells a story of a provider and a proxy in front of it."""

    async def whole() -> None:
        async with proxied(tmp_path, provides or Provides(), **changed) as (upstream, url):
            await story(upstream, url)

    run(whole())


async def respond(url: str, text: str, *headers: str, **more: Any) -> Message:
    body = json.dumps({"model": "m", "input": text, **more}).encode()
    return await ask(url, "POST", "/v1/responses", *headers, body=body)


async def asked(url: str, method: str, target: str, *headers: str, body: Any = None) -> Message:
    raw = b"" if body is None else json.dumps(body).encode()
    return await ask(url, method, target, *headers, body=raw)


def message_of(answer: Message) -> str:
    return str(json.loads(answer.body)["error"]["message"])


def test_a_response_is_fetched_without_asking_the_provider(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        given = await respond(url, "Tea?")
        found = await asked(url, "GET", "/v1/v1/responses/resp_1?include=x")
        assert found.body == given.body
        assert (found.status, found.get("x-stitcher-status")) == (200, "local")
        assert found.get("content-type") == "application/json"
        items = json.loads((await asked(url, "GET", "/responses/resp_1/input_items")).body)
        assert [item["content"][0]["text"] for item in items["data"]] == ["Tea?"]
        assert len(upstream.requests) == 1

    told(tmp_path, story)


def test_what_was_never_given_here_is_the_providers_to_say(tmp_path: Path) -> None:
    """It may have been made before there was a proxy, and was not to be stored otherwise."""

    async def story(upstream: Provider, url: str) -> None:
        await respond(url, "Tea?", store=False)
        for method, path in (
            ("GET", "responses/resp_1"),
            ("GET", "responses/resp_1/input_items"),
            ("DELETE", "responses/resp_1"),
            ("GET", "responses/a%2Fb%00%F0%9F%A7%B5"),
            ("GET", "conversations/conv_1/items"),
            ("POST", "conversations/conv_1"),
        ):
            found = await asked(url, method, f"/v1/{path}")
            assert (found.status, found.get("x-own")) == (404, "1")
            assert json.loads(found.body) == {"asked": f"{method} /v1/{path} HTTP/1.1"}

    told(tmp_path, story)


def test_what_is_gone_is_said_in_openais_words(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        await respond(url, "Tea?")
        await asked(url, "DELETE", "/v1/responses/resp_1")
        asked_before = len(upstream.requests)
        for method, path in (
            ("GET", "resp_1"),
            ("GET", "resp_1/input_items"),
            ("DELETE", "resp_1"),
        ):
            found = await asked(url, method, f"/v1/responses/{path}")
            assert found.status == 404
            assert json.loads(found.body)["error"]["type"] == "invalid_request_error"
            assert message_of(found) == "Response with id 'resp_1' not found."
        assert len(upstream.requests) == asked_before

    told(tmp_path, story)


def test_ids_are_found_by_the_caller_who_got_them(tmp_path: Path) -> None:
    mine, yours = "Authorization: Bearer sk-a", "Authorization: Bearer sk-b"

    async def story(upstream: Provider, url: str) -> None:
        await respond(url, "Tea?", mine)
        made = json.loads((await asked(url, "POST", "/v1/conversations", mine, body={})).body)
        for target in ("/v1/responses/resp_1", f"/v1/conversations/{made['id']}"):
            assert (await asked(url, "GET", target, yours)).status == 404
            assert (await asked(url, "DELETE", target, yours)).status == 404
            assert (await asked(url, "GET", target)).status == 401
            assert (await asked(url, "GET", target, mine)).status == 200
        before = len(upstream.requests)
        for member, name, status in (
            ("previous_response_id", "resp_1", 400),
            ("conversation", made["id"], 404),
        ):
            found = await respond(url, "Go on.", yours, **{member: name})
            assert (found.status, found.get("x-stitcher-status")) == (status, "refused")
            assert f"'{name}' not found" in message_of(found)
        assert len(upstream.requests) == before, "the provider may not tell the two apart"

    told(tmp_path, story, tenancy="key")


def test_a_web_page_may_not_ask(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        await respond(url, "Tea?")
        page = "Origin: https://evil.test"
        assert (await asked(url, "GET", "/v1/responses/resp_1", page)).status == 403
        assert (await asked(url, "DELETE", "/v1/responses/resp_1", page)).status == 403
        assert (await asked(url, "POST", "/v1/responses/compact", page, body={})).status == 403

    told(tmp_path, story)


class TestForgetting:
    @pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "405 Nope", "501 Nope"])
    def test_the_provider_forgets_first(self, tmp_path: Path, status: str) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?")
            found = await asked(url, "DELETE", "/responses/resp_1", "Authorization: Bearer sk")
            assert json.loads(found.body) == {
                "id": "resp_1",
                "object": "response",
                "deleted": True,
            }
            assert upstream.requests[1].start.startswith("DELETE /v1/responses/resp_1 ")
            assert upstream.requests[1].get("authorization") == "Bearer sk"
            assert (await asked(url, "GET", "/v1/responses/resp_1")).status == 404
            assert (await asked(url, "DELETE", "/v1/responses/resp_1")).status == 404

        told(tmp_path, story, Provides(status))

    @pytest.mark.parametrize("status", ["401 No", "429 Wait", "500 Oh"])
    def test_unless_it_does_not(self, tmp_path: Path, status: str) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?")
            found = await asked(url, "DELETE", "/v1/responses/resp_1")
            assert found.start == f"HTTP/1.1 {status}"
            assert (found.get("x-own"), "asked" in json.loads(found.body)) == ("1", True)
            assert (await asked(url, "GET", "/v1/responses/resp_1")).status == 200

        told(tmp_path, story, Provides(status))

    def test_unless_it_cannot_be_reached(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?")

            async def hang_up(call: Call) -> None:
                call.close()

            upstream.script = hang_up
            assert (await asked(url, "DELETE", "/v1/responses/resp_1")).status == 502
            assert (await asked(url, "GET", "/v1/responses/resp_1")).status == 200

        told(tmp_path, story)


class TestInTheBackground:
    def test_what_is_not_finished_is_the_providers_to_tell(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?", background=True)
            found = await asked(url, "GET", "/v1/responses/resp_1?stream=true&starting_after=3")
            told_of = "GET /v1/responses/resp_1?stream=true&starting_after=3 HTTP/1.1"
            assert json.loads(found.body) == {"asked": told_of}
            assert found.get("x-own") == "1"

        told(tmp_path, story, Provides("200 OK", status="queued", output=[]))

    @pytest.mark.parametrize("stream", [False, True])
    def test_what_follows_it_goes_to_the_provider_as_it_came(
        self, tmp_path: Path, stream: bool
    ) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?", background=True)
            await respond(url, "Milk?", previous_response_id="resp_1", stream=stream)
            sent = json.loads(upstream.requests[1].body)
            assert (sent["input"], sent["previous_response_id"]) == ("Milk?", "resp_1")

        told(tmp_path, story, Provides("200 OK", status="queued", output=[]))

    def test_to_cancel_is_the_providers(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            found = await asked(url, "POST", "/v1/responses/resp_1/cancel")
            assert json.loads(found.body)["asked"].startswith("POST /v1/responses/resp_1/cancel")

        told(tmp_path, story, Provides("200 OK"))

    def test_what_is_finished_is_not_streamed_again(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?")
            found = await asked(url, "GET", "/v1/responses/resp_1?stream=true")
            assert found.status == 400
            assert message_of(found).startswith("stream: found a response that is finished")
            assert (await asked(url, "GET", "/v1/responses/resp_1?stream=false")).status == 200

        told(tmp_path, story)


class TestLeftToTheProvider:
    TARGETS = (
        ("GET", "/v1/responses/resp_1"),
        ("POST", "/v1/conversations"),
        ("GET", "/v1/conversations/conv_1/items?limit=0"),
        ("DELETE", "/v1/conversations/conv_1/items/msg_1"),
    )

    @pytest.mark.parametrize(("method", "target"), TARGETS)
    @pytest.mark.parametrize(
        ("header", "changed"),
        [
            ("X-Own: 1", {"responses_state": "upstream"}),
            ("X-Stitcher-Mode: off", {}),
            ("X-Stitcher-Mode: observe", {}),
            ("X-Own: 1", {"mode": "observe"}),
        ],
    )
    def test_everything_is(
        self, tmp_path: Path, header: str, changed: Json, method: str, target: str
    ) -> None:
        async def story(upstream: Provider, url: str) -> None:
            found = await asked(url, method, target, header, body={"novel": [1.0]})
            assert json.loads(found.body) == {"asked": f"{method} {target} HTTP/1.1"}
            assert upstream.requests[0].body == b'{"novel": [1.0]}'

        told(tmp_path, story, Provides("200 OK"), **changed)


class TestConversations:
    def test_they_are_kept_across_a_restart(self, tmp_path: Path) -> None:
        given = {"metadata": {"topic": "tea"}, "items": [{"role": "user", "content": "Tea?"}]}

        async def story() -> None:
            async with proxied(tmp_path, Provides()) as (_, url):
                made = json.loads((await asked(url, "POST", "/conversations", body=given)).body)
            async with proxied(tmp_path, Provides()) as (upstream, url):
                target = f"/v1/conversations/{made['id']}"
                assert json.loads((await asked(url, "GET", target)).body) == made
                listed = json.loads((await asked(url, "GET", f"{target}/items")).body)
                assert listed["data"][0]["content"][0]["text"] == "Tea?"
                assert upstream.requests == []

        run(story())

    def test_a_packed_body_is_unpacked(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            body = gzip.compress(b'{"metadata":{"topic":"tea"}}')
            packed = "Content-Encoding: gzip"
            made = await ask(url, "POST", "/v1/conversations", packed, body=body)
            assert json.loads(made.body)["metadata"] == {"topic": "tea"}
            broken = await ask(url, "POST", "/v1/conversations", packed, body=b"{}")
            assert broken.status == 400

        told(tmp_path, story)

    @pytest.mark.parametrize(
        ("below", "body", "param", "found"),
        [
            ("", b"{", None, "request body: "),
            ("", b"[]", None, "request body: "),
            ("", b'{"items":{}}', "items", "items: found an object, expected an array"),
            ("/items", b"{}", "items", "items: found none, expected an array of objects"),
            ("/items", b'{"items":[7]}', "items[0]", "items[0]: found a number, expected"),
            (
                "/items",
                b'{"items":[' + b",".join([b'{"role":"user","content":"x"}'] * 21) + b"]}",
                "items",
                "items: found 21 items, expected at most 20",
            ),
            ("/itself", b"{}", "metadata", "metadata: found none, expected an object of texts"),
            ("/itself", b'{"metadata":{"a":1}}', "metadata.a", "metadata.a: found a number"),
        ],
    )
    def test_what_cannot_be_read_is_refused(
        self, tmp_path: Path, below: str, body: bytes, param: str | None, found: str
    ) -> None:
        async def story(upstream: Provider, url: str) -> None:
            made = json.loads((await asked(url, "POST", "/v1/conversations", body={})).body)
            place = f"/{made['id']}" if below else ""
            target = f"/v1/conversations{place}{below.removeprefix('/itself')}"
            refused = await ask(url, "POST", target, body=body)
            error = json.loads(refused.body)["error"]
            assert (refused.status, error["param"]) == (400, param)
            assert error["message"].startswith(found)
            assert error["type"] == "invalid_request_error"

        told(tmp_path, story)

    def test_a_body_beyond_the_limit_is_refused(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            refused = await asked(url, "POST", "/v1/conversations", body={"pad": "x" * 2_000})
            assert refused.status == 413

        told(tmp_path, story, max_body=1_024)

    def test_a_page_that_cannot_be_is_refused(self, tmp_path: Path) -> None:
        async def story(upstream: Provider, url: str) -> None:
            await respond(url, "Tea?")
            made = json.loads((await asked(url, "POST", "/v1/conversations", body={})).body)
            for listed in ("responses/resp_1/input_items", f"conversations/{made['id']}/items"):
                refused = await asked(url, "GET", f"/v1/{listed}?limit=101")
                assert refused.status == 400
                assert json.loads(refused.body)["error"]["param"] == "limit"

        told(tmp_path, story)


def test_the_openai_sdk_finds_all_it_looks_for(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="sk", max_retries=0) as client:
            first = await client.responses.create(model="m", input="Tea?")
            assert (await client.responses.retrieve(first.id)).output_text == "Answer 1."
            second = await client.responses.create(
                model="m", input="Milk?", previous_response_id=first.id
            )
            pages = client.responses.input_items.list(second.id, limit=1, order="asc")
            listed = [item async for item in pages]
            assert [item.type for item in listed] == ["message"] * 3
            await client.responses.delete(first.id)
            with pytest.raises(NotFoundError, match="Response with id 'resp_1' not found"):
                await client.responses.retrieve(first.id)

            made = await client.conversations.create(metadata={"topic": "tea"})
            assert (await client.conversations.retrieve(made.id)).metadata == {"topic": "tea"}
            added = await client.conversations.items.create(
                made.id, items=[{"role": "user", "content": f"m{n}"} for n in range(5)]
            )
            assert len(added.data) == 5
            everything = client.conversations.items.list(made.id, limit=2)
            ids = [item.id async for item in everything]
            assert ids == [item.id for item in reversed(added.data)]
            await client.conversations.items.delete(str(ids[0]), conversation_id=made.id)
            with pytest.raises(NotFoundError):
                await client.conversations.items.retrieve(str(ids[0]), conversation_id=made.id)
            changed = await client.conversations.update(made.id, metadata={})
            assert changed.metadata == {}
            assert (await client.conversations.delete(made.id)).deleted

    told(tmp_path, story)


def test_a_conversation_that_was_deleted_is_not_gone_on_with(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        given = {"items": [{"role": "user", "content": "My name is Ada."}]}
        made = json.loads((await asked(url, "POST", "/v1/conversations", body=given)).body)
        await asked(url, "DELETE", f"/v1/conversations/{made['id']}")
        answer = await respond(url, "Who am I?", conversation=made["id"])
        assert (answer.status, upstream.requests) == (404, [])
        assert f"Conversation with id '{made['id']}' not found." in message_of(answer)

    told(tmp_path, story)


def test_a_conversation_nobody_here_has_heard_of_is_the_providers(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        answer = await respond(url, "Who am I?", conversation="conv_1")
        sent = json.loads(upstream.requests[-1].body)
        assert sent == {"model": "m", "input": "Who am I?", "conversation": "conv_1"}
        assert (answer.get("x-stitcher-status") or "").startswith("bypass")

    told(tmp_path, story)


def test_a_conversation_is_gone_on_with_by_its_id(tmp_path: Path) -> None:
    async def story(upstream: Provider, url: str) -> None:
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="sk", max_retries=0) as client:
            said = {"role": "user", "content": "My name is Ada."}
            made = await client.conversations.create(items=[said])  # type: ignore[list-item]
            for text in ("Who am I?", "Sure?"):
                await client.responses.create(model="m", input=text, conversation=made.id)
            sent = json.loads(upstream.requests[-1].body)
            assert "conversation" not in sent
            assert [item["role"] for item in sent["input"]] == [
                "user",
                "user",
                "assistant",
                "user",
            ]
            items = client.conversations.items.list(made.id, order="asc")
            assert [item.role async for item in items if item.type == "message"] == [
                *(item["role"] for item in sent["input"]),
                "assistant",
            ]

    told(tmp_path, story)
