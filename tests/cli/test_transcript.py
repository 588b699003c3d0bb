"""A log as a person reads it."""

import json
from typing import Any

import pytest

from stitcher.cli import transcript
from stitcher.cli.transcript import Said, folded, plain
from stitcher.cli.transcript_parts import Part, parts, role


def read(*lines: dict[str, Any] | bytes) -> list[Said]:
    return transcript.read(
        (f"f:{at}", line if isinstance(line, bytes) else json.dumps(line).encode())
        for at, line in enumerate(lines)
    )


def message(chain: str, parent: str, text: str, **more: Any) -> dict[str, Any]:
    said = {"role": more.pop("role", "user"), "content": text}
    return {"type": "message", "chain": chain, "parent": parent, "message": said, **more}


def texts(said: list[Said]) -> list[tuple[str, bool]]:
    return [("".join(part.text for part in one.parts), one.on_path) for one in said]


def test_the_old_versions_lines() -> None:
    said = read({"type": "message", "message": {"role": "user", "content": "hi"}})
    assert said == [Said("f:0", "user", (Part("text", "hi"),), thread="main")]


def test_an_edit_leaves_the_old_branch_off_the_path() -> None:
    said = read(
        message("a", "", "one"),
        message("b", "a", "two"),
        message("c", "b", "three"),
        {"type": "rewound", "thread": "main", "to": "a"},
        message("d", "a", "two, better"),
    )
    assert [one for one in texts(said) if one[0] in ("one", "two", "three", "two, better")] == [
        ("one", True),
        ("two", False),
        ("three", False),
        ("two, better", True),
    ]
    assert said[3].role == "event"


def test_a_rewind_to_the_beginning_and_a_rebase() -> None:
    """A log leaves out what is empty: no `to` means the root."""
    said = read(message("a", "", "one"), {"type": "rewound"}, message("b", "", "new"))
    assert texts(said)[0] == ("one", False)
    assert texts(said)[2] == ("new", True)
    said = read(message("a", "", "one"), {"type": "rebased"}, message("b", "", "new"))
    assert texts(said)[0] == ("one", False)


def test_a_message_that_the_provider_refused_is_off_the_path() -> None:
    said = read(
        message("a", "", "one"),
        message("b", "a", "two"),
        {"type": "turn", "status": "failed", "base": "a", "http": 529},
        {"type": "turn", "status": "answered"},
    )
    assert texts(said)[:2] == [("one", True), ("two", False)]
    assert "HTTP 529" in said[2].parts[0].text
    assert len(said) == 3


def test_threads_have_paths_of_their_own() -> None:
    said = read(message("a", "", "one"), message("x", "", "title?", thread="side"))
    assert [(one.thread, one.on_path) for one in said] == [("main", True), ("side", True)]


def test_a_message_placed_again_shows_its_text() -> None:
    said = read(message("a", "", "one"), {"type": "message", "chain": "b", "same_as": "a"})
    assert said[1].parts == (Part("text", "one"),)


def test_marks_and_heads() -> None:
    said = read(
        {"type": "head", "system": "Be kind.", "tools": [{"name": "x"}]},
        {"type": "head", "system": [{"role": "system", "content": "Be kinder."}]},
        {"type": "head", "system": [{"type": "text", "text": "Be kindest."}]},
        message("a", "", "hal", role="assistant", cut=True, time=1.5),
        {"type": "something-new"},
    )
    assert texts(said) == [
        ("Be kind.1 tool", True),
        ("Be kinder.", True),
        ("Be kindest.", True),
        ("hal", True),
    ]
    assert (said[3].cut, said[3].time, said[3].role) == (True, 1.5, "assistant")


def test_what_is_no_line_of_a_log_is_said_and_passed_over() -> None:
    said = read(b"{broken", b"[1]", b'"x"', b"\xff", b"[" * 100_000, {"type": "message"})
    assert [one.role for one in said] == ["event"] * 5 + ["?"]
    assert "f:0: not a line of a log" in said[0].parts[0].text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"role": "user", "content": None}, []),
        ({"role": "user", "content": ""}, []),
        ({"role": "assistant", "content": "a", "refusal": "no"}, ["a", "no"]),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            ["calls f {}"],
        ),
        (
            {"role": "assistant", "tool_calls": [{"custom": {"name": "g", "input": "x"}}, 3]},
            ["calls g x", "calls 3"],
        ),
        ({"role": "tool", "content": "out"}, ["result: out"]),
        ({"role": "tool", "content": [{"type": "text", "text": "out"}]}, ["result: out"]),
        ({"role": "assistant", "reasoning_content": "hm", "content": "a"}, ["thinking: hm", "a"]),
        ({"content": [{"type": "text", "text": "a"}, {"type": "input_text"}]}, ["a", ""]),
        ({"content": [{"type": "tool_use", "name": "f", "input": {"a": 1}}]}, ['calls f {"a":1}']),
        (
            {"content": [{"type": "tool_result", "content": "bad", "is_error": True}]},
            ["result: error: bad"],
        ),
        ({"content": [{"type": "tool_result"}]}, ["result: "]),
        ({"content": [{"type": "thinking", "thinking": "hm"}]}, ["thinking: hm"]),
        ({"content": [{"type": "thinking", "thinking": ""}]}, ["(not shown by the provider)"]),
        ({"content": [{"type": "redacted_thinking", "data": "x"}]}, ["thinking: (encrypted)"]),
        ({"content": [{"type": "image", "source": {"data": "A" * 9}}]}, ["image ("]),
        ({"content": [{"type": "image_url", "image_url": {}}]}, ["image_url ("]),
        ({"content": [{"type": "novelty", "x": 1}]}, ['novelty: {"type":"novelty","x":1}']),
        ({"content": ["odd"]}, ['"odd"']),
    ],
)
def test_the_pieces_of_a_message(said: dict[str, Any], shown: list[str]) -> None:
    found = [plain(part) for part in parts(said)]
    assert len(found) == len(shown)
    for text, expected in zip(found, shown, strict=True):
        assert text.startswith(expected) or expected in text


def test_folding() -> None:
    assert folded("short\ntext") == "short\ntext"
    assert folded("x" * 2000).splitlines() == [
        "x" * 1200,
        "… 800 more characters (--full shows them)",
    ]
    assert folded("\n".join("abcdefghijklmnop"), lines=2).startswith("a\nb\n… 28 more")


def test_markdown() -> None:
    said = read(
        message("a", "", "What?", time=0.0),
        message("b", "a", "half", role="assistant", cut=True),
        {
            "type": "message",
            "chain": "c",
            "parent": "b",
            "message": {
                "role": "user",
                "content": [
                    {"type": "tool_result", "content": "```\nx"},
                    {"type": "thinking", "thinking": "a\nb"},
                ],
            },
        },
        {"type": "compacted", "start": "c"},
    )
    text = "\n".join(transcript.to_markdown("name", said, lambda _: "then")) + "\n"
    assert text.startswith("# name\n")
    assert "\n## user · then\n" in text
    assert "\n## assistant · cut off\n" in text
    assert "Result:\n\n````\n```\nx\n````" in text
    assert "> thinking: a\n> b" in text
    assert "*the window was cut here" in text


class TestResponses:
    """Items of the Responses API: a message, a call, a result, with the reasoning before them."""

    def test_an_item_with_its_reasoning(self) -> None:
        unit: list[object] = [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "function_call", "name": "look", "arguments": '{"a":1}', "call_id": "c"},
        ]
        assert role(unit) == "assistant"
        assert list(parts(unit)) == [Part("thinking", "hm"), Part("call", 'look {"a":1}')]

    @pytest.mark.parametrize(
        ("item", "who", "shown"),
        [
            ({"role": "developer", "content": "be brief"}, "developer", Part("text", "be brief")),
            (
                {
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "a"}],
                },
                "assistant",
                Part("text", "a"),
            ),
            (
                {"type": "custom_tool_call", "name": "exec", "input": "ls"},
                "assistant",
                Part("call", "exec ls"),
            ),
            ({"type": "function_call_output", "output": "sunny"}, "tool", Part("result", "sunny")),
            (
                {
                    "type": "custom_tool_call_output",
                    "output": [{"type": "input_text", "text": "b"}],
                },
                "tool",
                Part("result", "b"),
            ),
            (
                {"type": "reasoning", "encrypted_content": "x"},
                "assistant",
                Part("thinking", "(encrypted)"),
            ),
            (
                {"type": "compaction", "encrypted_content": "x"},
                "assistant",
                Part("other", "(the conversation so far, encrypted)"),
            ),
            (
                {"type": "web_search_call", "id": "w"},
                "assistant",
                Part("other", 'web_search_call: {"type":"web_search_call","id":"w"}'),
            ),
        ],
    )
    def test_items(self, item: dict[str, Any], who: str, shown: Part) -> None:
        assert role(item) == who
        assert list(parts(item)) == [shown]

    def test_instructions_and_leading_messages_are_the_head(self) -> None:
        leading = {"role": "developer", "content": "Use metres."}
        said = read({"type": "head", "system": ["Be brief.", leading], "tools": [{}]})
        assert [part.text for part in said[0].parts] == ["Be brief.", "Use metres.", "1 tool"]

    def test_what_was_said_with_one_request_only_is_told_by_its_size(self) -> None:
        said = read({"type": "aside", "message": {"role": "user", "content": "secret"}})
        assert said[0].role == "event"
        assert said[0].parts[0].text == "with this request only, 6 characters more were said"
