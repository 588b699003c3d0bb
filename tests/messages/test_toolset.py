"""The tools of a request, in whatever form they were written."""

import pytest

from stitcher.messages.toolset import form_of_tool, written_tools
from tests.prompt.speech import TOOLS


@pytest.mark.parametrize("form", sorted(TOOLS))
@pytest.mark.parametrize("to", sorted(TOOLS))
def test_a_function_is_the_same_in_every_api(form: str, to: str) -> None:
    assert form_of_tool(TOOLS[form][0]) == form
    assert written_tools(TOOLS[form], to) == TOOLS[to]  # type: ignore[arg-type]


def test_what_only_one_api_knows_goes_in_as_it_is() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert written_tools([search, *TOOLS["openai_chat"]], "anthropic") == [
        search,
        *TOOLS["anthropic"],
    ]


@pytest.mark.parametrize("form", sorted(TOOLS))
def test_gemini_has_all_functions_in_one(form: str) -> None:
    own = {"function_declarations": [{"name": "mine"}]}
    tools = written_tools([own, {"google_search": {}}, *TOOLS[form]], "gemini")
    assert [list(tool) for tool in tools] == [["function_declarations"], ["google_search"]]
    assert [one["name"] for one in tools[0]["function_declarations"]] == ["mine", "look"]
