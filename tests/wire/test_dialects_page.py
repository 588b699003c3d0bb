"""docs/dialects.md says what carries over from one API to another; every cell is tried here."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stitcher.core.layout import Piece
from stitcher.messages.parts import Part
from stitcher.simulator import rules_anthropic
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.translation import translated

Message = dict[str, Any]

PAGE = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
COLUMNS = ("openai_chat", "anthropic", "openai_responses")
PNG = "data:image/png;base64,AAAA"
PDF = "data:application/pdf;base64,AAAA"
PLAIN = "data:text/plain;base64,VFJBQ0U="  # "TRACE"
PLACE = "https://example.com/TRACE.pdf"
SCHEMA = {"type": "object", "properties": {"TRACE": {"type": "string"}}}
INPUT = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def user(*content: Any) -> Message:
    return {"role": "user", "content": list(content)}


def assistant(content: Any, **more: Any) -> Message:
    return {"role": "assistant", "content": content, **more}


def text(words: str, kind: str = "text", **more: Any) -> Message:
    return {"type": kind, "text": words, **more}


def image(source: Message) -> Message:
    return {"type": "image", "source": source}


def base64(kind: str) -> Message:
    return {"type": "base64", "media_type": kind, "data": "AAAA"}


def document(source: Message) -> Message:
    return {"type": "document", "source": source}


def input_file(**more: Any) -> Message:
    return {"type": "input_file", **more}


def chat_file(**more: Any) -> Message:
    return {"type": "file", "file": more}


def chat_call(**more: Any) -> Message:
    return assistant(None, tool_calls=[{"id": "a", **more}])


def chat_function(arguments: str) -> Message:
    return chat_call(type="function", function={"name": "look", "arguments": arguments})


def tool_use(**more: Any) -> Message:
    return assistant([{"type": "tool_use", "id": "a", "name": "look", **more}])


def tool_result(content: Any, **more: Any) -> Message:
    return user({"type": "tool_result", "tool_use_id": "a", "content": content, **more})


def call(kind: str, **more: Any) -> Message:
    return {"type": kind, "call_id": "a", **more}


@dataclass(frozen=True)
class Row:
    """What is said, in the dialects that can say it, and what becomes of it in each.

    For a cell that is not "no" or a dash: what stands somewhere in the translation. Otherwise no
    `trace` of it does.
    """

    said: dict[str, list[Message]]
    becomes: dict[str, Any]
    trace: str = "TRACE"


SAYS_TRACE = text("TRACE")
TEXTS = {
    "openai_chat": assistant("TRACE"),
    "anthropic": SAYS_TRACE,
    "openai_responses": text("TRACE", "output_text"),
}
AS_FUNCTION = {
    "openai_chat": {"name": "look", "arguments": '{"input":"TRACE"}'},
    "anthropic": {"type": "tool_use", "id": "a", "name": "look", "input": {"input": "TRACE"}},
    "openai_responses": call("function_call", name="look", arguments='{"input":"TRACE"}'),
}

ROWS: dict[str, Row] = {
    "texts": Row(
        {
            "openai_chat": [{"role": "user", "content": "TRACE"}],
            "anthropic": [user(SAYS_TRACE)],
            "openai_responses": [{"role": "user", "content": "TRACE"}],
        },
        {
            "openai_chat": {"role": "user", "content": "TRACE"},
            "anthropic": SAYS_TRACE,
            "openai_responses": text("TRACE", "input_text"),
        },
    ),
    "pictures": Row(
        {
            "openai_chat": [user({"type": "image_url", "image_url": {"url": PNG}})],
            "anthropic": [user(image(base64("image/png")))],
            "openai_responses": [user({"type": "input_image", "image_url": PNG})],
        },
        {
            "openai_chat": {"type": "image_url", "image_url": {"url": PNG}},
            "anthropic": image(base64("image/png")),
            "openai_responses": {"type": "input_image", "image_url": PNG, "detail": "auto"},
        },
    ),
    "a picture's `detail`": Row(
        {
            "openai_chat": [
                user({"type": "image_url", "image_url": {"url": PNG, "detail": "TRACE"}})
            ],
            "openai_responses": [
                user({"type": "input_image", "image_url": PNG, "detail": "TRACE"})
            ],
        },
        {},
    ),
    "PDF documents": Row(
        {
            "openai_chat": [user(chat_file(filename="a.pdf", file_data=PDF))],
            "anthropic": [user({**document(base64("application/pdf")), "title": "a.pdf"})],
            "openai_responses": [user(input_file(filename="a.pdf", file_data=PDF))],
        },
        {
            "openai_chat": chat_file(filename="a.pdf", file_data=PDF),
            "anthropic": {**document(base64("application/pdf")), "title": "a.pdf"},
            "openai_responses": input_file(filename="a.pdf", file_data=PDF),
        },
    ),
    "plain text documents": Row(
        {
            "openai_chat": [user(chat_file(file_data=PLAIN))],
            "anthropic": [
                user(document({"type": "text", "media_type": "text/plain", "data": "TRACE"}))
            ],
            "openai_responses": [user(input_file(file_data=PLAIN))],
        },
        {
            "openai_chat": {"role": "user", "content": "TRACE"},
            "anthropic": document({"type": "text", "media_type": "text/plain", "data": "TRACE"}),
            "openai_responses": text("TRACE", "input_text"),
        },
    ),
    "documents by URL": Row(
        {
            "anthropic": [user(document({"type": "url", "url": PLACE}))],
            "openai_responses": [user(input_file(file_url=PLACE))],
        },
        {
            "anthropic": document({"type": "url", "url": PLACE}),
            "openai_responses": input_file(file_url=PLACE),
        },
    ),
    "uploads named by an id": Row(
        {
            "openai_chat": [user(chat_file(file_id="TRACE"))],
            "anthropic": [user(document({"type": "file", "file_id": "TRACE"}))],
            "openai_responses": [user(input_file(file_id="TRACE"))],
        },
        {},
    ),
    "recordings": Row(
        {
            "openai_chat": [
                user({"type": "input_audio", "input_audio": {"data": "TRACE", "format": "wav"}})
            ]
        },
        {},
    ),
    "the name of who speaks": Row({"openai_chat": [{**user(text("Hi!")), "name": "TRACE"}]}, {}),
    "search results of the client": Row(
        {
            "anthropic": [
                user(
                    {
                        "type": "search_result",
                        "source": "https://example.com",
                        "title": "A",
                        "content": [SAYS_TRACE],
                    }
                )
            ]
        },
        {
            "openai_chat": {"role": "user", "content": "A\nhttps://example.com\nTRACE"},
            "openai_responses": text("A\nhttps://example.com\nTRACE", "input_text"),
        },
    ),
    "system messages in mid-history": Row(
        {
            "openai_chat": [{"role": "developer", "content": "TRACE"}],
            "anthropic": [{"role": "system", "content": "TRACE"}],
            "openai_responses": [{"role": "developer", "content": "TRACE"}],
        },
        {
            "openai_chat": {"role": "system", "content": "TRACE"},
            "anthropic": {"role": "user", "content": [SAYS_TRACE]},
            "openai_responses": {
                "type": "message",
                "role": "system",
                "content": [text("TRACE", "input_text")],
            },
        },
    ),
    "refusals": Row(
        {
            "openai_chat": [assistant(None, refusal="TRACE")],
            "openai_responses": [assistant([{"type": "refusal", "refusal": "TRACE"}])],
        },
        TEXTS,
    ),
    "citations, annotations": Row(
        {
            "openai_chat": [
                assistant("Rain.", annotations=[{"type": "url_citation", "t": "TRACE"}])
            ],
            "anthropic": [assistant([text("Rain.", citations=[{"cited_text": "TRACE"}])])],
            "openai_responses": [
                assistant([text("Rain.", "output_text", annotations=[{"title": "TRACE"}])])
            ],
        },
        {},
    ),
    "thinking, reasoning": Row(
        {
            "openai_chat": [assistant("Rain.", reasoning_content="TRACE")],
            "anthropic": [
                assistant(
                    [{"type": "thinking", "thinking": "TRACE", "signature": "x"}, text("Rain.")]
                )
            ],
            "openai_responses": [
                [  # type: ignore[list-item]  # reasoning and its item are one message
                    {
                        "type": "reasoning",
                        "id": "rs_1",
                        "summary": [],
                        "encrypted_content": "TRACE",
                    },
                    assistant([text("Rain.", "output_text")]),
                ]
            ],
        },
        {},
    ),
    "tool calls": Row(
        {
            "openai_chat": [chat_function('{"q": "TRACE"}')],
            "anthropic": [tool_use(input={"q": "TRACE"})],
            "openai_responses": [call("function_call", name="look", arguments='{"q": "TRACE"}')],
        },
        {
            "openai_chat": {"name": "look", "arguments": '{"q": "TRACE"}'},
            "anthropic": {"type": "tool_use", "id": "a", "name": "look", "input": {"q": "TRACE"}},
            "openai_responses": call("function_call", name="look", arguments='{"q": "TRACE"}'),
        },
    ),
    "tool calls with free text": Row(
        {
            "openai_chat": [chat_call(type="custom", custom={"name": "look", "input": "TRACE"})],
            "openai_responses": [call("custom_tool_call", name="look", input="TRACE")],
        },
        AS_FUNCTION,
    ),
    "calls of shell, patch and computer tools": Row(
        {
            "openai_responses": [
                call("local_shell_call", action={"type": "exec", "command": ["TRACE"]}),
                call("local_shell_call_output", output="TRACE"),
                call("apply_patch_call", operation={"path": "TRACE"}, status="completed"),
                call("computer_call", action={"type": "click", "button": "TRACE"}),
            ]
        },
        {},
    ),
    "tool results": Row(
        {
            "openai_chat": [
                chat_function("{}"),
                {"role": "tool", "tool_call_id": "a", "content": "TRACE"},
            ],
            "anthropic": [tool_use(input={}), tool_result("TRACE")],
            "openai_responses": [
                call("function_call", name="look", arguments="{}"),
                call("function_call_output", output="TRACE"),
            ],
        },
        {
            "openai_chat": {"role": "tool", "tool_call_id": "a", "content": "TRACE"},
            "anthropic": {"type": "tool_result", "tool_use_id": "a", "content": [SAYS_TRACE]},
            "openai_responses": call("function_call_output", output="TRACE"),
        },
    ),
    "that a tool failed": Row(
        {"anthropic": [tool_use(input={}), tool_result("gone", is_error=True)]},
        {},
        trace="error",
    ),
    "pictures in tool results": Row(
        {
            "anthropic": [tool_use(input={}), tool_result([image(base64("image/png"))])],
            "openai_responses": [
                call("function_call", name="look", arguments="{}"),
                call("function_call_output", output=[{"type": "input_image", "image_url": PNG}]),
            ],
        },
        {
            "openai_chat": user(
                text("[Shown by the tool call a:]"),
                {"type": "image_url", "image_url": {"url": PNG}},
            ),
            "anthropic": {
                "type": "tool_result",
                "tool_use_id": "a",
                "content": [image(base64("image/png"))],
            },
            "openai_responses": call(
                "function_call_output",
                output=[{"type": "input_image", "image_url": PNG, "detail": "auto"}],
            ),
        },
    ),
    "the provider's own tools, and what they found": Row(
        {
            "anthropic": [
                assistant(
                    [
                        {
                            "type": "server_tool_use",
                            "id": "a",
                            "name": "web_search",
                            "input": {"query": "TRACE"},
                        },
                        {
                            "type": "web_search_tool_result",
                            "tool_use_id": "a",
                            "content": [{"title": "TRACE"}],
                        },
                        text("Rain."),
                    ]
                )
            ],
            "openai_responses": [
                {"type": "web_search_call", "id": "ws_1", "action": {"query": "TRACE"}},
                {"type": "mcp_call", "id": "mcp_1", "name": "TRACE", "output": "TRACE"},
                assistant("Rain."),
            ],
        },
        {},
    ),
    "cache breakpoints": Row(
        {
            "openai_chat": [user(text("Hi!", cache_control={"type": "ephemeral"}))],
            "anthropic": [user(text("Hi!", cache_control={"type": "ephemeral"}))],
            "openai_responses": [user(text("Hi!", "input_text", prompt_cache_breakpoint={}))],
        },
        {},
        trace="cache",
    ),
}


@dataclass(frozen=True)
class Head:
    """Of a system prompt and tools, the same."""

    said: dict[str, tuple[Any, Any]]  # as `Call` has them
    becomes: dict[str, Any]


HEADS: dict[str, Head] = {
    "the system prompt": Head(
        {
            "openai_chat": (
                [
                    {"role": "system", "content": "Be TRACE."},
                    {"role": "developer", "content": "So."},
                ],
                None,
            ),
            "anthropic": ([text("Be TRACE."), text("So.")], None),
            "openai_responses": (["Be TRACE.", {"role": "developer", "content": "So."}], None),
        },
        {
            "openai_chat": [{"role": "system", "content": "Be TRACE.\n\nSo."}],
            "anthropic": [text("Be TRACE."), text("So.")],
            "openai_responses": ["Be TRACE.\n\nSo."],
        },
    ),
    "functions": Head(
        {
            "openai_chat": (
                None,
                [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
            ),
            "anthropic": (None, [{"name": "look", "input_schema": SCHEMA}]),
            "openai_responses": (
                None,
                [{"type": "function", "name": "look", "parameters": SCHEMA, "strict": True}],
            ),
        },
        {
            "openai_chat": {"type": "function", "function": {"name": "look", "parameters": SCHEMA}},
            "anthropic": {"name": "look", "input_schema": SCHEMA},
            "openai_responses": {
                "type": "function",
                "name": "look",
                "parameters": SCHEMA,
                "strict": False,
            },
        },
    ),
    "tools that take free text": Head(
        {
            "openai_chat": (None, [{"type": "custom", "custom": {"name": "TRACE"}}]),
            "openai_responses": (None, [{"type": "custom", "name": "TRACE"}]),
        },
        {
            "openai_chat": {"name": "TRACE", "parameters": INPUT},
            "anthropic": {"name": "TRACE", "input_schema": INPUT},
            "openai_responses": {
                "type": "function",
                "name": "TRACE",
                "parameters": INPUT,
                "strict": False,
            },
        },
    ),
    "the provider's own tools, offered": Head(
        {
            "openai_chat": (None, [{"type": "web_search", "web_search": {"name": "TRACE"}}]),
            "anthropic": (None, [{"type": "web_search_20260209", "name": "TRACE"}]),
            "openai_responses": (None, [{"type": "mcp", "server_label": "TRACE"}]),
        },
        {},
    ),
}


def table() -> dict[str, dict[str, str]]:
    """The page's table: row → column → cell."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    return {row: dict(zip(COLUMNS, cells, strict=True)) for row, *cells in lines[1:]}


TABLE = table()


def stands_in(wanted: Any, value: Any) -> bool:
    """True where `wanted` is somewhere in a JSON value."""
    if wanted == value:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(stands_in(wanted, one) for one in inner)


def history(source: str, said: list[Message]) -> list[Piece]:
    read = DIALECTS[source].read_item
    # Somebody asks first: a history that an assistant begins is another matter.
    asked = read(b'{"role":"user","content":"Well?"}')
    items = [asked, *(read(json.dumps(message).encode()) for message in said)]
    return [Piece(item, f"{n}", ours=True) for n, item in enumerate(items)]


def in_the_words_of(target: str, pieces: list[Piece]) -> list[Piece]:
    return translated(pieces, DIALECTS[target], DIALECTS.__getitem__, keep_ids=frozenset())


def heard(pieces: list[Piece]) -> list[Part]:
    """All that is said, in no dialect."""
    return [part for one in pieces for part in DIALECTS[one.item.dialect].parts(one.item)]


def test_the_table_has_these_rows() -> None:
    assert list(TABLE) == [*ROWS, *HEADS]


@pytest.mark.parametrize("target", COLUMNS)
@pytest.mark.parametrize("name", ROWS)
def test_what_is_said_becomes_what_the_page_says(name: str, target: str) -> None:
    row, cell = ROWS[name], TABLE[name][target]
    sources = [source for source in row.said if source != target]
    assert (cell == "—") is (not sources), "a dash where no other API has it"
    for source in sources:
        pieces = history(source, row.said[source])
        made = in_the_words_of(target, pieces)
        values = [json.loads(piece.item.raw) for piece in made]
        if cell == "no":
            assert target not in row.becomes
            assert row.trace not in json.dumps(values), source
        else:
            assert stands_in(row.becomes[target], values), (source, values)
        if cell == "yes":
            assert heard(made) == heard(pieces)


@pytest.mark.parametrize("target", COLUMNS)
@pytest.mark.parametrize("name", HEADS)
def test_a_head_becomes_what_the_page_says(name: str, target: str) -> None:
    row, cell = HEADS[name], TABLE[name][target]
    for source, parts in row.said.items():
        if source == target:
            continue
        system, tools = (None if part is None else json.dumps(part).encode() for part in parts)
        head = DIALECTS[source].head(system, tools)
        written = DIALECTS[target].written_head(head)
        made = [None if part is None else json.loads(part) for part in written]
        if cell == "no":
            assert target not in row.becomes
            assert made == [None, None]
        else:
            assert stands_in(row.becomes[target], made), (source, made)
        if cell == "yes":
            assert DIALECTS[target].head(*written) == head


@pytest.mark.parametrize(("thinking", "refused"), [("enabled", True), ("adaptive", False)])
def test_a_tool_loop_goes_on_over_messages_unless_it_must_begin_with_thinking(
    thinking: str, refused: bool
) -> None:
    made = in_the_words_of("anthropic", history("openai_chat", [chat_function("{}")]))
    body = {
        "model": "sim-model",
        "max_tokens": 4096,
        "thinking": {"type": thinking, **({"budget_tokens": 1024} if refused else {})},
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
        "messages": [*(json.loads(one.item.raw) for one in made), tool_result("found")],
    }
    refusal = rules_anthropic.check(body)
    assert (
        refusal is not None and "must start with a thinking block" in refusal.message
    ) is refused
    assert f"`{thinking}`" in PAGE
