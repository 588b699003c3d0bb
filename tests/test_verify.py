"""`verify` finds every line that does not say what it said when it was written."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from stitcher.store.memory import MemoryStore
from stitcher.store.protocol import SessionKey
from stitcher.verify import Report, verify
from tests.exchange.dialogue import Dialogue
from tests.exchange.messages import assistant, user

KEY = SessionKey("local", "s")
Line = dict[str, Any]


@pytest.fixture(scope="module")
def written() -> list[bytes]:
    """A log with everything in it: an edit, a failed turn, a head, a settled answer, a cut."""
    talk = Dialogue(max_tokens=600)
    client = talk.client(session="s")
    client.sends([{"role": "system", "content": "Be brief."}, user("one")])
    client.resends("two")
    client.history = [user("two, better")]
    client.sends([user("two, better"), assistant("Fine."), user("three")])
    for n in range(4):
        client.says(f"m{n} [[long 60]]")
    lines = [line.data for line in talk.store.oldest_first(KEY)]
    talk.end()
    return lines


def _report(lines: list[bytes]) -> Report:
    store = MemoryStore()
    asyncio.run(store.append(KEY, lines))
    return verify(store, KEY)


def test_a_whole_log_is_right(written: list[bytes]) -> None:
    report = _report(written)
    assert report.problems == ()
    assert report.lines == len(written)
    assert report.messages == sum(b'"type":"message"' in line for line in written)


def test_no_log_at_all() -> None:
    assert verify(MemoryStore(), KEY) == Report(0, 0, ())


def _say_something_else(line: Line) -> None:
    line["message"]["content"] = "something else"


def _name_another_identity(line: Line) -> None:
    line["identity"] = "0" * 32


def _name_another_chain(line: Line) -> None:
    line["chain"] = "0" * 32


def _name_another_parent(line: Line) -> None:
    line["parent"] = "0" * 32


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_say_something_else, "identity is"),
        (_name_another_identity, "identity is"),
        (_name_another_chain, "chain is"),
        (_name_another_parent, "which is not before it"),
    ],
)
def test_a_changed_message(
    written: list[bytes], change: Callable[[Line], None], found: str
) -> None:
    at = [n for n, line in enumerate(written) if b'"type":"message"' in line][3]
    line = json.loads(written[at])
    change(line)
    report = _report([*written[:at], json.dumps(line).encode(), *written[at + 1 :]])
    assert any(found in problem.found for problem in report.problems)
    assert report.problems[0].place == f"memory:{sum(len(one) + 1 for one in written[:at])}"


def test_a_missing_message_is_missed_by_its_child(written: list[bytes]) -> None:
    at = [n for n, line in enumerate(written) if b'"type":"message"' in line][2]
    report = _report(written[:at] + written[at + 1 :])
    assert any("which is not before it" in problem.found for problem in report.problems)


@pytest.mark.parametrize("damaged", [b"{", b"\xff", b"[]", b"5", b'{"type":5}', b'"x"', b"{}"])
def test_a_line_that_is_none(written: list[bytes], damaged: bytes) -> None:
    report = _report([*written[:2], damaged, *written[2:]])
    assert len(report.problems) == 1


@pytest.mark.parametrize(
    "message", [b"5", b"null", b'{"role":"martian"}', b'{"role":"user","content":5}']
)
def test_a_message_that_is_none(written: list[bytes], message: bytes) -> None:
    report = _report([*written, b'{"type":"message","chain":"x","message":' + message + b"}"])
    assert len(report.problems) >= 1


def test_every_kind_of_entry_is_looked_at(written: list[bytes]) -> None:
    for kind, member in (
        ("rewound", "to"),
        ("rebased", "onto"),
        ("compacted", "start"),
        ("turn", "of"),
        ("settled", "of"),
    ):
        line: Line = {"type": kind, member: "f" * 32}
        if kind == "settled":
            line |= {"dialect": "openai_chat", "message": assistant("x")}
        report = _report([*written, json.dumps(line).encode()])
        assert [problem.found for problem in report.problems] == [
            f"names message {'f' * 32}, which is not before it"
        ], kind


def test_a_log_of_0_1_0_continued() -> None:
    old = [
        json.dumps({"type": "message", "message": message}).encode()
        for message in ({"role": "system", "content": "Be brief."}, user("one"), assistant("two"))
    ]
    store = MemoryStore()
    asyncio.run(store.append(KEY, old))
    talk = Dialogue(store=store)
    talk.client(session="s").says("three")
    talk._runner.close()
    assert verify(store, KEY) == Report(6, 5, ())
