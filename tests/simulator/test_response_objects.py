"""Stored responses as the official SDK fetches, lists, cancels and deletes them."""

import http.client
import json
from urllib.parse import urlsplit

import openai
import pytest
from openai.types.responses import Response

from stitcher.simulator.serve import SimulatorThread

MODEL = "sim-m"
KEY = {"authorization": "Bearer key"}


def ask(client: openai.OpenAI, said: str, **fields: object) -> Response:
    given: dict[str, object] = {"model": MODEL, "input": said, **fields}
    answer = client.responses.create(**given)  # type: ignore[call-overload]
    assert isinstance(answer, Response)
    return answer


def texts(client: openai.OpenAI, response_id: str, **query: object) -> list[str]:
    """The first text of every listed input item, page after page."""
    page = client.responses.input_items.list(response_id, **query)  # type: ignore[arg-type]
    return [item.to_dict()["content"][0]["text"] for item in page]  # type: ignore[index]


def test_a_response_is_fetched_as_it_was_answered_until_it_is_deleted(
    chat: openai.OpenAI,
) -> None:
    answer = ask(chat, "[[say hello]]", metadata={"topic": "greeting"})
    assert chat.responses.retrieve(answer.id).to_dict() == answer.to_dict()
    chat.responses.delete(answer.id)
    with pytest.raises(openai.NotFoundError) as refused:
        chat.responses.retrieve(answer.id)
    assert refused.value.response.json() == {
        "error": {
            "message": f"Response with id '{answer.id}' not found.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }
    with pytest.raises(openai.NotFoundError):
        chat.responses.delete(answer.id)


def test_what_is_not_stored_or_belongs_to_another_key_is_not_there(
    sim: SimulatorThread, chat: openai.OpenAI
) -> None:
    passing = ask(chat, "hi", store=False)
    kept = ask(chat, "hi")
    with pytest.raises(openai.NotFoundError):
        chat.responses.retrieve(passing.id)
    with openai.OpenAI(base_url=f"{sim.url}/v1", api_key="another", max_retries=0) as stranger:
        with pytest.raises(openai.NotFoundError):
            stranger.responses.retrieve(kept.id)
        with pytest.raises(openai.NotFoundError):
            stranger.responses.input_items.list(kept.id)
        with pytest.raises(openai.NotFoundError):
            stranger.responses.delete(kept.id)
    assert chat.responses.retrieve(kept.id).id == kept.id


def test_input_items_are_all_that_the_answer_was_made_from(chat: openai.OpenAI) -> None:
    first = ask(chat, "[[say one]]")
    second = ask(chat, "[[say two]]", previous_response_id=first.id)
    assert texts(chat, second.id, order="asc") == ["[[say one]]", "one", "[[say two]]"]
    assert texts(chat, second.id) == ["[[say two]]", "one", "[[say one]]"]
    items = chat.responses.input_items.list(second.id).data
    assert len({item.id for item in items}) == 3
    assert [item.to_dict()["status"] for item in items] == ["completed"] * 3


def test_input_items_come_in_pages(chat: openai.OpenAI) -> None:
    said = [{"role": "user", "content": f"part {number}"} for number in range(5)]
    answer = ask(chat, "", input=said)
    newest = chat.responses.input_items.list(answer.id, limit=2).to_dict()
    assert [item["content"][0]["text"] for item in newest["data"]] == [  # type: ignore[attr-defined]
        "part 4",
        "part 3",
    ]
    assert newest["has_more"] is True
    assert newest["first_id"] == newest["data"][0]["id"]  # type: ignore[index]
    assert newest["last_id"] == newest["data"][1]["id"]  # type: ignore[index]
    rest = chat.responses.input_items.list(
        answer.id, after=str(newest["last_id"]), limit=3, order="desc"
    )
    assert rest.has_more is False
    assert len(rest.data) == 3
    assert len(texts(chat, answer.id, limit=2)) == 5


@pytest.mark.parametrize(
    ("query", "wording"),
    [
        ({"limit": 0}, "Expected a value >= 1, but got 0"),
        ({"limit": 101}, "Expected a value <= 100, but got 101"),
        ({"limit": "many"}, "expected an integer, but got a string"),
        ({"order": "up"}, "Supported values are: 'asc',? and 'desc'"),
    ],
)
def test_a_page_that_cannot_be_is_refused(
    chat: openai.OpenAI, query: dict[str, object], wording: str
) -> None:
    answer = ask(chat, "hi")
    with pytest.raises(openai.BadRequestError, match=wording):
        chat.responses.input_items.list(answer.id, **query)  # type: ignore[arg-type]
    with pytest.raises(openai.NotFoundError, match="msg_gone"):
        chat.responses.input_items.list(answer.id, after="msg_gone")


def test_only_a_background_response_can_be_cancelled(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        chat.responses.cancel(ask(chat, "hi").id)
    with pytest.raises(openai.NotFoundError, match="resp_gone"):
        chat.responses.cancel("resp_gone")
    behind = ask(chat, "hi", background=True)
    assert chat.responses.cancel(behind.id).id == behind.id


@pytest.mark.parametrize(
    ("path", "headers", "status", "wording"),
    [
        ("responses/resp_1", {}, 401, "You didn't provide an API key"),
        ("conversations/conv_1", {}, 401, "You didn't provide an API key"),
        ("responses/resp_1/output_items", KEY, 404, "Invalid URL (GET /v1/responses/resp_1/out"),
        ("conversationsx", KEY, 404, "Invalid URL (GET /v1/conversationsx)"),
    ],
)
def test_the_endpoints_want_a_key_and_nothing_else_is_there(
    sim: SimulatorThread, path: str, headers: dict[str, str], status: int, wording: str
) -> None:
    connection = http.client.HTTPConnection(urlsplit(sim.url).netloc, timeout=5)
    connection.request("GET", f"/v1/{path}", headers=headers)
    response = connection.getresponse()
    assert response.status == status == sim.requests[-1].status
    assert wording in json.loads(response.read())["error"]["message"]
    connection.close()


def test_a_server_without_a_store_has_no_such_endpoints() -> None:
    with (
        SimulatorThread(stateless_responses=True) as sim,
        openai.OpenAI(base_url=f"{sim.url}/v1", api_key="key", max_retries=0) as client,
    ):
        answer = ask(client, "hi")
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            client.responses.retrieve(answer.id)
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            client.conversations.create()
