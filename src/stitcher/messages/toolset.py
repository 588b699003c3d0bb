"""The tools of a request as one API takes them, those it takes already left as they are."""

from collections.abc import Iterable, Sequence
from typing import Final

from stitcher.messages.anthropic import neutral as anthropic
from stitcher.messages.gemini import neutral as gemini
from stitcher.messages.openai_chat import neutral as openai_chat
from stitcher.messages.openai_responses import neutral as openai_responses
from stitcher.messages.parts import NeutralHead
from stitcher.messages.reading import Form, Tool

_READERS: Final = {
    "openai_chat": openai_chat.head,
    "openai_responses": openai_responses.head,
}


def form_of_tool(tool: Tool) -> Form:
    """Whose form a tool has; "plain" for one of a kind that only its own API knows."""
    if "function_declarations" in tool or "functionDeclarations" in tool:
        return "gemini"
    if isinstance(tool.get("function"), dict) or isinstance(tool.get("custom"), dict):
        return "openai_chat"
    if "input_schema" in tool:
        return "anthropic"
    return "openai_responses" if tool.get("type") == "function" else "plain"


def written_tools(tools: Iterable[Tool], to: Form) -> list[Tool]:
    """The tools in the form of `to`, in order. Raises Unreadable."""
    made: list[Tool] = []
    for tool in tools:
        form = form_of_tool(tool)
        if form in (to, "plain", "gemini"):
            made.append(tool)
        else:
            made += _written(_neutral(tool, form), to)
    return _together(made) if to == "gemini" else made


def _neutral(tool: Tool, form: Form) -> NeutralHead:
    if form == "anthropic":
        return anthropic.head(None, [tool])
    return _READERS[form]([], [tool])


def _written(head: NeutralHead, to: Form) -> Sequence[Tool]:
    match to:
        case "anthropic":
            return anthropic.written_tools(head)
        case "openai_responses":
            return openai_responses.written_tools(head)
        case "gemini":
            return gemini.written_tools(head)
        case _:
            return openai_chat.written_tools(head)


def _together(tools: list[Tool]) -> list[Tool]:
    """All functions in one tool: Gemini takes several with functions only on some models."""
    key = "function_declarations"
    functions = [one for tool in tools if key in tool for one in tool[key]]
    others = [tool for tool in tools if key not in tool]
    return [{key: functions}, *others] if functions else others
