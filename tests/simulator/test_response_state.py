"""What is found again under an id, by whom, and what a server without a store says."""

from typing import Any

from stitcher.simulator.refusal import Refusal
from stitcher.simulator.response_state import KeptResponses, NoResponses, StoredConversation

ASKED = {"type": "message", "role": "user", "content": "hi", "id": "msg_1"}
SAID = {"type": "message", "role": "assistant", "content": [], "id": "msg_2"}
MORE = {"type": "message", "role": "user", "content": "more", "id": "msg_3"}
LAST = {"type": "message", "role": "assistant", "content": [], "id": "msg_4"}


def response(response_id: str, *output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": response_id, "output": list(output), **fields}


def test_a_chain_holds_every_item_in_order_and_survives_the_loss_of_a_link() -> None:
    state = KeptResponses()
    state.remember(response("resp_1", SAID), [ASKED], "key")
    state.remember(response("resp_2", LAST, previous_response_id="resp_1"), [MORE], "key")
    del state.responses["resp_1"]
    assert state.history({"previous_response_id": "resp_2"}, "key") == [ASKED, SAID, MORE, LAST]
    assert state.responses["resp_2"].items_before == (ASKED, SAID)
    assert state.item("msg_3", "key") == MORE


def test_two_answers_to_one_response_know_nothing_of_each_other() -> None:
    state = KeptResponses()
    state.remember(response("resp_1", SAID), [ASKED], "key")
    state.remember(response("resp_2", LAST, previous_response_id="resp_1"), [MORE], "key")
    state.remember(response("resp_3", previous_response_id="resp_1"), [], "key")
    assert state.history({"previous_response_id": "resp_3"}, "key") == [ASKED, SAID]


def test_a_conversation_grows_with_each_response_that_names_it() -> None:
    state = KeptResponses()
    state.conversations["conv_1"] = StoredConversation("conv_1", "key", 0)
    for named in ("conv_1", {"id": "conv_1"}):
        assert isinstance(state.history({"conversation": named}, "key"), list)
    state.remember(response("resp_1", SAID, conversation={"id": "conv_1"}), [ASKED], "key")
    assert state.history({"conversation": "conv_1"}, "key") == [ASKED, SAID]


def test_another_credential_finds_nothing() -> None:
    state = KeptResponses()
    state.conversations["conv_1"] = StoredConversation("conv_1", "key", 0)
    state.remember(response("resp_1", SAID), [ASKED], "key")
    assert state.history({"previous_response_id": "resp_1"}, "other") == Refusal(
        400,
        "invalid_request_error",
        "Previous response with id 'resp_1' not found.",
        "previous_response_id",
        "previous_response_not_found",
    )
    missing = state.history({"conversation": "conv_1"}, "other")
    assert isinstance(missing, Refusal)
    assert missing.status == 404
    assert state.item("msg_1", "other") is None


def test_a_server_without_a_store_says_so() -> None:
    state = NoResponses()
    state.remember(response("resp_1", SAID), [ASKED], "key")
    for name in ("previous_response_id", "conversation"):
        refused = state.history({name: "x_1"}, "key")
        assert isinstance(refused, Refusal)
        assert (refused.status, refused.param) == (400, name)
    assert state.history({"input": "hi"}, "key") == []
    assert state.item("msg_1", "key") is None
