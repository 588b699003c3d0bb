"""Responses that were given before, fetched, listed and forgotten."""

import json
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stitcher.core.log import Head
from stitcher.responses_api.pages import PageQuery
from stitcher.responses_api.refusal import Refusal
from stitcher.store.jsonl import JsonlStore
from stitcher.store.protocol import SessionKey
from tests.responses_api.kept import Kept, answered, said, texts, unit

TEA = [unit(said("Tea?"))]
YES = [unit(answered("Yes.", "msg_1"))]


def refusal(ask: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as raised:
        ask()
    return raised.value


def asked(kept: Kept, ask: Callable[[str, str], Coroutine[Any, Any, object]], name: str) -> object:
    return kept.run(ask("local", name))


def test_a_response_is_given_again_byte_for_byte() -> None:
    kept = Kept()
    body = kept.respond("resp_1", TEA, YES, novel={"a": [1.0, "é"]})
    kept.respond("resp_2", [unit(said("And milk?"))], [unit(answered("No.", "msg_2"))])
    found = kept.run(kept.responses.get("local", "resp_1"))
    assert found == body


def test_also_after_a_restart(tmp_path: Path) -> None:
    kept = Kept(JsonlStore(tmp_path))
    body = kept.respond("resp_1", TEA, YES)
    kept.run(kept.store.close())
    kept = Kept(JsonlStore(tmp_path))
    assert kept.run(kept.responses.get("local", "resp_1")) == body
    assert texts(kept.input_items("resp_1")["data"]) == ["Tea?"]
    kept.run(kept.store.close())


def test_what_the_provider_still_works_on_is_its_to_tell() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, [], pending=True, status="queued")
    kept.restart()
    assert kept.run(kept.responses.get("local", "resp_1")) is None
    assert texts(kept.input_items("resp_1")["data"]) == ["Tea?"]


@pytest.mark.parametrize("response_id", ["a/b", "\0", "é😀", 'x"y\\', "chatcmpl-1", "r" * 10_000])
def test_ids_of_any_provider_are_ids(response_id: str) -> None:
    kept = Kept()
    body = kept.respond(response_id, TEA, YES)
    kept.restart()
    assert kept.run(kept.responses.get("local", response_id)) == body


def test_an_id_that_is_nobody_s_is_not_found_as_openai_says_it() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES, tenant="t")
    kept.respond("resp_2", TEA, YES, stored=False)
    for name in ("resp_0", "resp_1", "resp_2"):
        for ask in (kept.responses.get, kept.responses.forget, kept.responses.expect):
            found = refusal(partial(asked, kept, ask, name))
            assert found.status == 404
            assert found.document == {
                "error": {
                    "message": f"Response with id '{name}' not found.",
                    "type": "invalid_request_error",
                    "param": None,
                    "code": None,
                }
            }
        assert refusal(partial(kept.input_items, name)).status == 404
    assert kept.run(kept.responses.get("t", "resp_1"))


def test_a_forgotten_response_is_not_found_and_its_session_stays() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES)
    kept.respond("resp_2", [unit(said("And milk?"))], [unit(answered("No.", "msg_2"))])
    document = json.loads(kept.run(kept.responses.forget("local", "resp_1")))
    assert document == {"id": "resp_1", "object": "response", "deleted": True}
    for _ in range(2):
        assert refusal(lambda: kept.run(kept.responses.get("local", "resp_1"))).status == 404
        kept.restart()
    assert texts(kept.input_items("resp_2")["data"]) == ["Tea?", "Yes.", "And milk?"]


def test_the_responses_of_a_purged_session_are_not_found() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES)
    kept.run(kept.sessions.purge(SessionKey("local", "talk")))
    assert refusal(lambda: kept.run(kept.responses.get("local", "resp_1"))).status == 404


def test_nor_where_another_session_has_its_name_now() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES)
    kept.run(kept.sessions.purge(SessionKey("local", "talk")))
    kept.respond("resp_2", [unit(said("Hello"))], YES)
    assert refusal(lambda: kept.run(kept.responses.get("local", "resp_1"))).status == 404
    assert refusal(lambda: kept.input_items("resp_1")).status == 404
    assert texts(kept.input_items("resp_2")["data"]) == ["Hello"]


def test_input_items_are_everything_up_to_what_was_asked() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES)
    kept.respond("resp_2", [unit(said("And milk?"))], [unit(answered("No.", "msg_2"))])
    assert texts(kept.input_items("resp_1")["data"]) == ["Tea?"]
    found = kept.input_items("resp_2")
    assert texts(found["data"]) == ["Tea?", "Yes.", "And milk?"]
    assert found["object"] == "list"
    assert not found["has_more"]
    assert (found["first_id"], found["last_id"]) == (
        found["data"][0]["id"],
        found["data"][2]["id"],
    )


def test_the_newest_comes_first_unless_asked_otherwise() -> None:
    kept = Kept()
    kept.respond("resp_1", TEA, YES)
    kept.respond("resp_2", [unit(said("And milk?"))], YES)
    found = kept.input_items("resp_2", PageQuery(limit=2))
    assert texts(found["data"]) == ["And milk?", "Yes."]
    assert found["has_more"]
    rest = kept.input_items("resp_2", PageQuery(after=found["last_id"]))
    assert (texts(rest["data"]), rest["has_more"]) == (["Tea?"], False)


def test_reasoning_and_calls_are_items_of_their_own() -> None:
    kept = Kept()
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    call = {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "kettle",
        "arguments": "{}",
        "status": "completed",
    }
    result = {"type": "function_call_output", "call_id": "call_1", "output": "hot"}
    kept.respond("resp_1", TEA, [unit(reasoning, call)])
    kept.respond("resp_2", [unit(result)], YES)
    listed = kept.input_items("resp_2")["data"]
    assert listed[1:3] == [reasoning, call]
    assert [item["type"] for item in listed] == [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert listed[3] == {**result, "id": listed[3]["id"], "status": "completed"}
    assert listed[3]["id"].startswith("fco_")


def test_leading_developer_messages_are_items_and_instructions_are_not() -> None:
    kept = Kept()
    developer = b'{"role":"developer","content":"Be brief."}'
    head = Head("main", 1.0, "openai_responses", "h", b'["Obey.",' + developer + b"]", None)
    kept.respond("resp_1", TEA, YES, head=head)
    other = Head("main", 2.0, "openai_responses", "i", b'["Obey."]', None)
    kept.respond("resp_2", [unit(said("And milk?"))], YES, head=other)
    kept.restart()
    first, second = kept.input_items("resp_1")["data"], kept.input_items("resp_2")["data"]
    assert [item["role"] for item in first] == ["developer", "user"]
    assert texts(first) == ["Be brief.", "Tea?"]
    assert texts(second) == ["Tea?", "Yes.", "And milk?"]


def test_what_was_said_over_another_api_is_shown_in_the_words_of_this_one() -> None:
    kept = Kept()
    chat = [
        b'{"role":"user","content":"Tea?"}',
        b'{"role":"assistant","content":"Yes.","tool_calls":[{"id":"call_1","type":"function",'
        b'"function":{"name":"kettle","arguments":"{}"}}]}',
        b'{"role":"tool","tool_call_id":"call_1","content":"hot"}',
    ]
    kept.respond("chatcmpl-1", chat, [], dialect="openai_chat")
    kept.respond("resp_1", [unit(said("And milk?"))], YES)
    listed = kept.input_items("resp_1")["data"]
    assert [item["type"] for item in listed] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "message",
    ]
    assert texts([listed[0], listed[1], listed[4]]) == ["Tea?", "Yes.", "And milk?"]
    assert listed[2]["call_id"] == listed[3]["call_id"]
    assert len({item["id"] for item in listed}) == 5
    kept.restart()
    assert kept.input_items("resp_1")["data"] == listed


def test_a_response_to_nothing_but_its_head_has_no_input_items() -> None:
    kept = Kept()
    kept.respond("resp_1", [], YES)
    found = kept.input_items("resp_1")
    assert (found["data"], found["first_id"], found["last_id"]) == ([], None, None)
