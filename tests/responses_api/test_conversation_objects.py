"""Conversations as objects: made, filled, read, changed and deleted, over the log's sessions."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.responses_api.bodies import items as read_items
from stitcher.responses_api.refusal import Refusal
from stitcher.sessions import Sessions
from stitcher.store.jsonl import JsonlStore
from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import verify
from tests.responses_api.kept import Kept, answered, said, texts, unit


def refusal(ask: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as raised:
        ask()
    return raised.value


def sound(kept: Kept, conversation: str) -> None:
    """The log says of itself that it is right."""
    assert verify(kept.store, SessionKey("local", conversation)).problems == ()


class TestTheObject:
    def test_it_has_an_id_of_its_own_and_says_what_it_was_given(self) -> None:
        kept = Kept()
        metadata = b'{ "topic" : "t\\u00e9a" }'
        made = json.loads(kept.run(kept.conversations.create("local", [], metadata)))
        assert re.fullmatch("conv_[0-9a-f]{48}", made["id"])
        assert made["object"] == "conversation"
        assert isinstance(made["created_at"], int)
        assert made["metadata"] == {"topic": "téa"}
        assert json.loads(kept.run(kept.conversations.get("local", made["id"]))) == made
        assert kept.create() != made["id"]

    def test_it_outlives_the_process(self, tmp_path: Path) -> None:
        kept = Kept(JsonlStore(tmp_path))
        name = kept.create(said("Tea?"), topic="tea")
        before = kept.run(kept.conversations.get("local", name)), kept.items(name)
        kept.run(kept.store.close())
        kept = Kept(JsonlStore(tmp_path))
        assert (kept.run(kept.conversations.get("local", name)), kept.items(name)) == before
        kept.run(kept.store.close())

    def test_its_metadata_is_replaced_as_a_whole(self) -> None:
        kept = Kept()
        name = kept.create(topic="tea", mood="good")
        made = json.loads(kept.run(kept.conversations.get("local", name)))
        changed = kept.run(kept.conversations.update("local", name, b'{"topic":"milk"}'))
        assert json.loads(changed) == {**made, "metadata": {"topic": "milk"}}
        kept.restart()
        assert kept.run(kept.conversations.get("local", name)) == changed

    def test_deleted_it_is_gone_and_what_was_said_is_still_in_the_log(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        gone = json.loads(kept.run(kept.conversations.delete("local", name)))
        assert gone == {"id": name, "object": "conversation.deleted", "deleted": True}
        for _ in range(2):
            exists = partial(kept.conversations.exists, "local", name)
            assert refusal(partial(_asked, kept, exists)).status == 404
            assert refusal(lambda: kept.items(name)).status == 404
            kept.restart()
        lines = [line.data for line in kept.store.oldest_first(SessionKey("local", name))]
        assert sum(b"Tea?" in line for line in lines) == 1

    def test_the_metadata_of_a_long_conversation_is_found_without_reading_its_messages(
        self,
    ) -> None:
        kept = Kept()
        name = kept.create(topic="tea")
        for n in range(10):
            kept.add(name, *(said(f"{n}/{m}") for m in range(20)))
        kept.restart()

        async def story() -> int:
            assert await kept.conversations.exists("local", name)
            async with kept.sessions.use(SessionKey("local", name)) as session:
                return len(session.tree.nodes)

        assert kept.run(story()) == 0

    def test_what_is_no_conversation_of_the_tenant_s_is_not_found(self) -> None:
        kept = Kept()
        kept.respond("resp_1", [unit(said("hi"))], [], session="conv_by_hand")
        kept.respond("resp_2", [unit(said("hi"))], [], session="talk")
        elsewhere = kept.create(tenant="t")
        index = kept.store.newest_first(SessionKey("local", "\0responses-00"))
        reserved = [f"\0responses-{n:02x}" for n in range(16)]
        objects = kept.conversations
        for name in ["conv_0", "conv_by_hand", "talk", "", elsewhere, *reserved]:
            assert not kept.run(objects.exists("local", name))
            asked = (
                partial(objects.get, "local", name),
                partial(objects.update, "local", name, b"{}"),
                partial(objects.delete, "local", name),
                partial(objects.add_items, "local", name, []),
                partial(objects.get_item, "local", name, "msg_1"),
                partial(objects.delete_item, "local", name, "msg_1"),
            )
            for ask in asked:
                found = refusal(partial(_asked, kept, ask))
                assert found.status == 404
                assert str(found) == f"Conversation with id '{name}' not found."
        assert kept.run(objects.exists("t", elsewhere))
        assert list(index) == list(kept.store.newest_first(SessionKey("local", "\0responses-00")))

    def test_a_purged_session_takes_its_conversation_along(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        assert kept.run(kept.sessions.purge(SessionKey("local", name)))
        assert not kept.run(kept.conversations.exists("local", name))


class TestItems:
    def test_they_are_listed_in_the_order_they_were_given(self) -> None:
        kept = Kept()
        name = kept.create({"role": "developer", "content": "Be brief."}, said("Tea?"))
        shown = kept.add(name, said("Well?"), said("Milk?"))
        assert texts(shown) == ["Well?", "Milk?"]
        listed = kept.items(name)
        assert texts(listed) == ["Be brief.", "Tea?", "Well?", "Milk?"]
        assert listed[2:] == shown
        sound(kept, name)

    def test_a_message_is_shown_as_openai_shows_it(self) -> None:
        kept = Kept()
        name = kept.create(said("Té?"), {"role": "assistant", "content": "Yes."})
        user, assistant = kept.items(name)
        assert user == {
            "id": user["id"],
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "Té?"}],
        }
        assert user["id"].startswith("msg_")
        assert assistant["content"] == [{"type": "output_text", "text": "Yes.", "annotations": []}]

    def test_what_is_complete_is_shown_byte_for_byte(self) -> None:
        kept = Kept()
        raw = b'{"type" : "reasoning","id":"rs_1","summary":[ ],"novel":1.0}'
        own = (
            b'{"id":"msg_1","status":"completed","type":"message","role":"assistant",'
            b'"content":[{"type":"output_text","text":"\\u0059es."} ]}'
        )
        given = read_items(b"[" + raw + b"," + own + b"]")
        name = json.loads(kept.run(kept.conversations.create("local", given, b"{}")))["id"]
        for item_id, bytes_of in (("rs_1", raw), ("msg_1", own)):
            assert kept.run(kept.conversations.get_item("local", name, item_id)) == bytes_of

    def test_the_same_words_said_twice_are_two_items(self) -> None:
        kept = Kept()
        name = kept.create(said("yes"), said("yes"))
        kept.add(name, said("yes"))
        listed = kept.items(name)
        assert texts(listed) == ["yes"] * 3
        assert len({item["id"] for item in listed}) == 3

    def test_an_id_given_twice_names_the_first_and_a_list_can_be_read_to_its_end(self) -> None:
        kept = Kept()
        name = kept.create(*(answered(word, "msg_1") for word in ("a", "b", "c")))
        listed = kept.items(name)
        assert texts(listed) == ["a", "b", "c"]
        assert listed[0]["id"] == "msg_1"
        assert len({item["id"] for item in listed}) == 3
        for item in listed:
            one = kept.run(kept.conversations.get_item("local", name, item["id"]))
            assert json.loads(one) == item

    def test_an_answer_given_in_the_conversation_adds_to_it(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        kept.respond(
            "resp_1", [unit(said("Well?"))], [unit(answered("Yes.", "msg_1"))], session=name
        )
        assert texts(kept.items(name)) == ["Tea?", "Well?", "Yes."]
        assert texts(kept.input_items("resp_1")["data"]) == ["Tea?", "Well?"]
        kept.add(name, said("Milk?"))
        assert texts(kept.items(name)) == ["Tea?", "Well?", "Yes.", "Milk?"]
        sound(kept, name)

    def test_items_wait_for_an_answer_that_is_being_given(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        order: list[str] = []
        given = read_items(b'[{"role":"user","content":"Milk?"}]')

        async def add() -> None:
            await kept.conversations.add_items("local", name, given)
            order.append("added")

        async def story() -> None:
            async with (
                kept.sessions.use(SessionKey("local", name)) as session,
                asyncio.TaskGroup() as tasks,
                session.answering,
            ):
                tasks.create_task(add())
                await kept.conversations.get("local", name)  # reading waits for nothing
                order.append("answered")

        kept.run(story())
        assert order == ["answered", "added"]

    def test_many_at_once_are_all_there(self) -> None:
        kept = Kept()
        name = kept.create()

        async def story() -> None:
            await asyncio.gather(
                *(
                    kept.conversations.add_items(
                        "local", name, read_items(json.dumps([said(f"m{n}")]).encode())
                    )
                    for n in range(30)
                )
            )

        kept.run(story())
        assert sorted(texts(kept.items(name))) == sorted(f"m{n}" for n in range(30))
        sound(kept, name)

    def test_what_is_not_there_is_not_found(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        for ask in (kept.conversations.get_item, kept.conversations.delete_item):
            found = refusal(partial(_asked, kept, partial(ask, "local", name, "msg_0")))
            assert (found.status, str(found)) == (
                404,
                "Item with id 'msg_0' not found in conversation.",
            )


def _asked(kept: Kept, ask: Callable[[], Coroutine[Any, Any, object]]) -> object:
    return kept.run(ask())


class TestDeletingAnItem:
    def test_the_others_stay_in_their_order(self) -> None:
        kept = Kept()
        name = kept.create(said("a"), said("b"), said("c"))
        before = kept.items(name)
        shown = kept.run(kept.conversations.delete_item("local", name, before[1]["id"]))
        assert shown == kept.run(kept.conversations.get("local", name))
        for _ in range(2):
            assert texts(kept.items(name)) == ["a", "c"]
            kept.restart()
        sound(kept, name)

    def test_the_others_keep_their_ids(self) -> None:
        """A client that has listed them may delete one after the other."""
        for restarts in (False, True):
            kept = Kept()
            name = kept.create(said("a"), said("b"), said("yes"), said("c"), said("yes"))
            ids = [item["id"] for item in kept.items(name)]
            for gone in range(4):
                kept.run(kept.conversations.delete_item("local", name, ids[gone]))
                if restarts:
                    kept.restart()
                assert [item["id"] for item in kept.items(name)] == ids[gone + 1 :]
            assert texts(kept.items(name)) == ["yes"]
            sound(kept, name)

    def test_the_last_one_and_the_only_one(self) -> None:
        kept = Kept()
        name = kept.create(said("a"), said("b"))
        for left in (["a"], []):
            newest = kept.items(name)[-1]["id"]
            kept.run(kept.conversations.delete_item("local", name, newest))
            assert texts(kept.items(name)) == left
        kept.add(name, said("a"))
        assert texts(kept.items(name)) == ["a"]
        sound(kept, name)

    def test_reasoning_alone_can_go_and_goes_with_the_item_it_belongs_to(self) -> None:
        reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
        for gone, left in (("rs_1", ["m0", "msg_1", "m1"]), ("msg_1", ["m0", "m1"])):
            kept = Kept()
            name = kept.create(said("q", id="m0"), reasoning, answered("a", "msg_1"))
            kept.add(name, said("r", id="m1"))
            kept.run(kept.conversations.delete_item("local", name, gone))
            for _ in range(2):
                assert [item["id"] for item in kept.items(name)] == left
                kept.restart()
            sound(kept, name)

    def test_of_a_message_of_another_api_one_part_can_go(self) -> None:
        kept = Kept()
        name = kept.create(said("Tea?"))
        chat = [
            b'{"role":"assistant","content":"Yes.","tool_calls":[{"id":"call_1","type":"function",'
            b'"function":{"name":"kettle","arguments":"{}"}}]}',
            b'{"role":"tool","tool_call_id":"call_1","content":"hot"}',
            b'{"role":"user","content":"Thanks."}',
        ]
        kept.respond("chatcmpl-1", chat, [], session=name, dialect="openai_chat")
        listed = kept.items(name)
        kinds = [item["type"] for item in listed]
        assert kinds == ["message", "message", "function_call", "function_call_output", "message"]
        kept.run(kept.conversations.delete_item("local", name, listed[1]["id"]))
        after = kept.items(name)
        assert [item["type"] for item in after] == [kinds[0], *kinds[2:]]
        assert texts([after[0], after[3]]) == ["Tea?", "Thanks."]
        sound(kept, name)


WORDS = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.just("add"), st.lists(WORDS, min_size=1, max_size=3))
    | st.tuples(st.just("delete"), st.integers(0, 5))
    | st.tuples(st.just("restart"), st.none()),
    max_size=14,
)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_a_conversation_is_a_list(steps: list[tuple[str, object]]) -> None:
    """Whatever is added and deleted in whatever order: what a list would have is there."""
    kept = Kept()
    name = kept.create()
    expected: list[str] = []
    for what, value in steps:
        if what == "restart":
            kept.restart()
        elif what == "add" and isinstance(value, list):
            shown = kept.add(name, *map(said, value))
            assert texts(shown) == value
            expected += value
        elif isinstance(value, int) and value < len(expected):
            gone = kept.items(name)[value]
            kept.run(kept.conversations.delete_item("local", name, gone["id"]))
            del expected[value]
        assert texts(kept.items(name)) == expected
    kept.restart()
    assert texts(kept.items(name)) == expected
    sound(kept, name)


def test_a_conversation_is_one_of_the_sessions() -> None:
    kept = Kept()
    name = kept.create(said("Tea?"))
    store = kept.store
    assert isinstance(store, MemoryStore)
    assert [info.key for info in store.sessions()] == [SessionKey("local", name)]
    assert Sessions(store).counts("local")["messages"] == 1
