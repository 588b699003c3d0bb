"""Where providers write and look for prefixes: what the forecast takes for ends of a prompt."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.item import chain
from stitcher.core.layout import Piece
from stitcher.core.ledger import End
from stitcher.core.tokens import Calibration
from stitcher.prefixes import Head, names_of, part_of
from stitcher.prompt_ends import Outgoing, ends_of
from stitcher.providers.caching import cache_rules
from stitcher.simulator.openai_prompt import read_prompt
from stitcher.wire import openai_chat

MARK = {"prompt_cache_breakpoint": {"mode": "explicit"}}
Message = dict[str, Any]


def message(role: str, n: int, *, marked: bool) -> Message:
    part = {"type": "text", "text": f"{role} {n}", **(MARK if marked else {})}
    more = {"tool_call_id": "a"} if role == "tool" else {}
    return {"role": role, "content": [part], **more}


def outgoing(model: str, messages: list[Message], *, automatic: int = 0) -> Outgoing:
    """A request of these messages; the first is the head where it is a developer's."""
    head = messages[:1] if messages[0]["role"] == "developer" else []
    pieces, parent = [], ""
    for said in messages[len(head) :]:
        item = openai_chat.read_item(json.dumps(said).encode())
        parent = chain(parent, item.identity)
        pieces.append(Piece(item, parent))
    system = json.dumps(head).encode() if head else None
    total = 100 + sum(piece.tokens for piece in pieces)
    before = Head(model, part_of(None), part_of(system), "", tokens=100)
    return Outgoing(before, pieces, "", "openai_chat", automatic, tokens=total)


def ends(sent: Outgoing) -> list[End]:
    """All ends that may matter, as when the provider holds every one of them."""
    names = names_of(sent.head, sent.dialect, sent.window)
    known = dict.fromkeys([names.message(piece.chain) for piece in sent.pieces])
    rules = cache_rules(sent.head.model)
    return list(ends_of(sent, rules, names, known, Calibration()))


SAID = st.tuples(st.sampled_from(["user", "assistant", "tool", "developer"]), st.booleans())


# No more than the latest 50 breakpoints: of the first two, the head's is told apart, no other.
@given(st.none() | st.booleans(), st.lists(SAID, min_size=1, max_size=49), st.booleans())
def test_boundaries_are_where_the_provider_writes_and_looks(
    head: bool | None, said: list[tuple[str, bool]], explicit: bool
) -> None:
    """The rules, and the simulator that has them by itself."""
    messages = [
        message(role, n, marked=mark and role != "tool") for n, (role, mark) in enumerate(said)
    ]
    while messages and messages[0]["role"] == "developer":
        del messages[0]
    if head is not None:
        messages.insert(0, message("developer", -1, marked=head))
    if not messages:
        return
    options = {"prompt_cache_options": {"mode": "explicit"}} if explicit else {}
    links = read_prompt({"model": "gpt-6", "messages": messages, **options}).links
    found = ends(outgoing("gpt-6", messages, automatic=0 if explicit else 1_800))
    assert len(found) == len(links)
    assert [end.lifetime for end in found] == [link.ttl or 0 for link in links]
    assert [end.readable for end in found] == [link.readable for link in links]


@pytest.mark.parametrize(("model", "head"), [("gpt-5.4", True), ("qwen", True), ("gpt-6", False)])
def test_a_head_without_a_mark_is_written_by_those_who_write_any_prefix(
    model: str, head: bool
) -> None:
    messages = [message("developer", 0, marked=False), message("user", 1, marked=False)]
    sent = outgoing(model, messages, automatic=1_800)
    first = ends(sent)[0]
    assert (first.lifetime > 0) == head
    marked = replace(sent, head_marked=1_800)
    assert ends(marked)[0].lifetime > 0


@pytest.mark.parametrize(("automatic", "looked_for"), [(1_800, True), (0, False)])
def test_the_end_of_the_leading_messages_is_looked_for_from_afar(
    automatic: int, looked_for: bool
) -> None:
    said = [message("developer", 0, marked=False)]
    said += [message("user", n, marked=False) for n in range(60)]
    found = ends(outgoing("gpt-6", said, automatic=automatic))
    assert found[0].readable is looked_for
    assert sum(end.readable for end in found) == (22 if looked_for else 0)


def test_units_end_with_the_input() -> None:
    said = [message(role, n, marked=False) for n, role in enumerate(["developer", "user"])]
    (end,) = ends(outgoing("deepseek-chat", said))
    assert end.lifetime > 0


def test_what_is_far_back_and_of_no_use_is_not_walked_to() -> None:
    said = [message(role, n, marked=False) for n in range(500) for role in ("user", "assistant")]
    sent = outgoing("gpt-6", said, automatic=1_800)
    rules, names = cache_rules("gpt-6"), names_of(sent.head, sent.dialect, sent.window)
    assert len(ends_of(sent, rules, names, {}, Calibration())) == 2
