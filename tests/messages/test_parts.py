import json
from typing import Any

import pytest
from hypothesis import given

from stitcher.messages.parts import (
    File,
    Part,
    Text,
    ToolCall,
    arguments_object,
    joined,
    legal_name,
    media,
    reachable,
    text_document,
    text_of,
    tool,
)
from tests.wire.json_text import TEXT, VALUE


@pytest.mark.parametrize(
    ("name", "legal"),
    [
        ("get-Weather_2", "get-Weather_2"),
        ("agents.spawn", "agents_spawn"),
        ("suche nach größe", "suche_nach_gr__e"),
        ("n" * 70, "n" * 64),
        ("", "tool"),
    ],
)
def test_a_tools_name_is_one_that_every_provider_takes(name: str, legal: str) -> None:
    assert legal_name(name) == tool(name, "", None).name == legal


@given(VALUE)
def test_arguments_are_always_an_object_and_verbatim_if_they_are_one(value: Any) -> None:
    written = json.dumps(value)
    found = json.loads(arguments_object(written))
    if isinstance(value, dict):
        assert arguments_object(written) == written
    elif not value:
        assert found == {}
    else:
        assert found == {"input": written}


@given(TEXT)
def test_arguments_that_are_not_even_json_are_an_object(text: str) -> None:
    assert isinstance(json.loads(arguments_object(text + "{")), dict)
    assert isinstance(json.loads(arguments_object(text)), dict)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("data:image/png;base64,AAAA", ("image/png", "AAAA")),
        ("data:Image/PNG;charset=x;base64,AAAA", ("image/png", "AAAA")),
        ("data:image/svg+xml;base64,", ("image/svg+xml", "")),
        ("data:image/svg+xml,<svg/>", None),
        ("data:;base64,AAAA", None),
        ("https://x.org/a.png", None),
    ],
)
def test_what_a_data_uri_holds(url: str, found: tuple[str, str] | None) -> None:
    assert media(url) == found
    assert reachable(url) is (found is not None or url.startswith("https://"))


@given(TEXT)
def test_a_text_document_says_its_text(text: str) -> None:
    assert text_of(text_document("a.txt", text)) == text


@pytest.mark.parametrize(
    "url", ["data:text/plain;base64,/w==", "data:text/plain;base64,A", "data:a/b;base64,", "x"]
)
def test_a_document_that_is_no_text_says_none(url: str) -> None:
    assert text_of(File("user", url)) is None


def test_only_an_assistants_texts_are_one() -> None:
    call = ToolCall("a", "f", "{}")
    said: list[Part] = [Text("user", "a"), Text("user", "b"), Text("assistant", "c")]
    more: list[Part] = [Text("assistant", "d"), call, Text("assistant", "e")]
    assert joined([*said, *more]) == (*said[:2], Text("assistant", "cd"), call, more[2])
