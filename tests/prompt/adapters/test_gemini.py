"""Requests for Gemini; that its own SDK takes them is tests/end_to_end/test_google_genai.py."""

import pytest

from stitcher import GeminiAdapter, PromptManager
from tests.prompt.speech import FORMS, TOOLS, FormName, Turn, answer, calls, spoken, user

FLASH = "gemini-3.8-flash"


@pytest.mark.parametrize("form", FORMS)
def test_what_was_said_to_any_api_is_said_in_contents(form: FormName) -> None:
    said = spoken([Turn("Where?", (2,), "There.")], form)
    request = GeminiAdapter(FLASH).build_request(said, tools=TOOLS["openai_chat"])
    asked, look, found, done = request["contents"]
    assert asked == {"role": "user", "parts": [{"text": "Where?"}]}
    assert [part["function_call"]["args"] for part in look["parts"]] == [
        {"for": "call_0_0_0"},
        {"for": "call_0_0_1"},
    ]
    assert {part["function_response"]["name"] for part in found["parts"]} == {"look"}
    assert done == {"role": "model", "parts": [{"text": "There."}]}
    (tool,) = request["config"]["tools"]
    assert tool["function_declarations"][0]["name"] == "look"


def test_the_static_prompt_is_the_instruction_and_context_the_users() -> None:
    manager = PromptManager(
        static_system_prompt="Be brief.",
        transition_mode="agent_cycle",
        adapter=GeminiAdapter(FLASH),
        initial_context="The world is flat.",
    ).append_many([user("1"), answer("2"), user("3")])
    request = manager.build_request("It is noon.", max_tokens=99)
    assert request["config"] == {
        "system_instruction": {"parts": [{"text": "Be brief."}, {"text": "The world is flat."}]},
        "max_output_tokens": 99,
    }
    assert [one["role"] for one in request["contents"]] == ["user", "model", "user", "user"]
    assert request["contents"][2]["parts"] == [{"text": "It is noon."}]


def test_its_own_contents_go_out_as_they_are_signatures_included() -> None:
    call = {"function_call": {"name": "look", "args": {}}, "thought_signature": "Af_-"}
    said = [
        user("1", "gemini"),
        {"role": "model", "parts": [call]},
        {
            "role": "user",
            "parts": [{"function_response": {"name": "look", "response": {"result": "x"}}}],
        },
    ]
    assert GeminiAdapter(FLASH).build_request(said)["contents"] == said


def test_a_configuration_is_completed_not_replaced() -> None:
    request = GeminiAdapter(FLASH).build_request(
        [user("1")], tools=TOOLS["anthropic"], config={"temperature": 0, "tools": [{"x": {}}]}
    )
    assert request["config"]["temperature"] == 0
    assert [list(tool) for tool in request["config"]["tools"]] == [["function_declarations"], ["x"]]
    assert "config" not in GeminiAdapter(FLASH).build_request([user("1")])


def test_a_model_speaks_second() -> None:
    (opening, first) = GeminiAdapter(FLASH).build_request([answer("Hello!")])["contents"]
    assert (opening["role"], first["role"]) == ("user", "model")


def test_what_cannot_be_asked_is_refused() -> None:
    adapter = GeminiAdapter(FLASH)
    with pytest.raises(ValueError, match="found no message beside the system prompt"):
        adapter.build_request([{"role": "system", "content": "Be brief."}])
    with pytest.raises(ValueError, match="without its result"):
        adapter.build_request([user("1"), *calls(["a"], "gemini")])
    with pytest.raises(TypeError, match="config: found a int, expected a dict"):
        adapter.build_request([user("1")], config=7)
    with pytest.raises(TypeError, match="found the parameter 'contents'"):
        adapter.build_request([user("1")], contents=[])
    with pytest.raises(ValueError, match="found no model, expected one: GeminiAdapter"):
        GeminiAdapter().build_request([user("1")])
