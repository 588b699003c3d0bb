"""Conversations in words: of the workload's sizes, the same each time, but for their name."""

from hypothesis import given

from stitcher.benchmark.conversation import Block, Conversation
from stitcher.benchmark.live.dialogue import CHARACTERS, dialogue, words
from stitcher.benchmark.workloads import script
from tests.benchmark.made import Said, conversation, small

(SCRIPT,) = script().conversations
LOOP = conversation(Said(20), Said(30, results=True), Said(40, results=True), Said(20))


@given(small(6, contexts=("", "a", "b")))
def test_every_text_has_the_size_of_its_block(told: Conversation) -> None:
    said = dialogue(told, seed=0, name="n")
    sizes = [len(message["content"]) for message in said.messages]
    assert sizes == [CHARACTERS * block.tokens for block in told.messages]
    for context, request in zip(said.contexts, told.requests, strict=True):
        assert (context is None) == (request.context is None)
        assert context is None or len(context) == CHARACTERS * (request.context or told.head).tokens
    assert not any(message["content"].endswith(" ") for message in said.messages)


def test_the_same_seed_says_the_same_and_another_one_something_else() -> None:
    block = Block(b"a", 50)
    assert words(block, 0) == words(Block(b"a", 50), 0)
    assert words(block, 0) != words(block, 1)
    assert words(block, 0) != words(Block(b"b", 50), 0)


def test_two_names_part_all_prompts_from_their_first_characters_on_and_nothing_else() -> None:
    one, other = (dialogue(SCRIPT, seed=0, name=name) for name in ("aaaa0001", "aaaa0002"))
    assert one.head.startswith("aaaa0001 ")
    assert other.head == one.head.replace("aaaa0001", "aaaa0002")
    assert len(one.head) == CHARACTERS * SCRIPT.head.tokens
    assert one.messages == other.messages
    assert one.contexts == other.contexts


def test_results_stand_behind_the_call_that_asked_for_them() -> None:
    said = dialogue(LOOP, seed=0, name="n")
    assert [message["role"] for message in said.messages] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant", "user", "assistant")
    ]
    assert [n for n, begins in enumerate(said.turns) if begins] == [0, 6]
    for n in (2, 4):
        (call,) = said.messages[n - 1]["tool_calls"]
        assert said.messages[n]["tool_call_id"] == call["id"]
        assert call["function"]["name"] == said.tools[0]["function"]["name"]
    assert "tool_calls" not in said.messages[5]


def test_tools_stand_first_and_have_the_name_too() -> None:
    (tool,) = dialogue(LOOP, seed=0, name="aaaa0001").tools
    assert tool["function"]["name"] == "read_aaaa0001"
    assert dialogue(SCRIPT, seed=0, name="n").tools == []
