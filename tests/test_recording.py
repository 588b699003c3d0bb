"""What a request adds to the log, and what it does not write again."""

import pytest

from stitcher.core.item import Item
from stitcher.core.log import NO_HEAD, Head, Message, Rebased, Rewound, Settled, Turn
from tests.core.scribe import Scribe
from tests.core.shorthand import end, item, said
from tests.laws.world import TOOLS, World, call, result, user


def added(
    scribe: Scribe, *items: Item, owns_history: bool = False, system: bytes = b""
) -> list[str]:
    """The kinds of entries a request adds, in order."""
    before = len(scribe.log)
    scribe.ask(*items, owns_history=owns_history, system=system or None)
    return [type(entry).__name__ for entry in scribe.log[before:]]


def talked() -> Scribe:
    scribe = Scribe()
    scribe.ask(item("u one"))
    scribe.answer(item("a first"))
    return scribe


def test_a_new_message_follows_the_last_one() -> None:
    scribe = talked()
    assert added(scribe, item("u two")) == ["Message"]
    last = scribe.log[-1]
    assert isinstance(last, Message)
    assert (last.parent, last.chain) == (end("u one", "a first"), end("u one", "a first", "u two"))
    assert (last.depth, last.upto) == (3, 30)
    assert (last.answer, last.same_as) == (False, "")


def test_what_is_known_is_not_written_again() -> None:
    assert added(talked(), *said("u one", "a first", "u two")) == ["Message"]


def test_a_retry_adds_nothing() -> None:
    scribe = Scribe()
    scribe.ask(item("u one"))
    assert added(scribe, item("u one")) == []


def test_a_retry_after_a_refusal_goes_back_to_the_question() -> None:
    scribe = Scribe()
    scribe.ask(item("u one"))
    scribe.fail()
    assert added(scribe, item("u one")) == ["Rewound"]


def test_an_edit_is_a_rewind() -> None:
    scribe = talked()
    assert added(scribe, item("u uno"), owns_history=True) == ["Rebased", "Message"]
    scribe = talked()
    scribe.ask(item("u two"))
    assert added(scribe, *said("u one", "a first", "u other")) == ["Rewound", "Message"]
    assert [e.to for e in scribe.log if isinstance(e, Rewound)] == [end("u one", "a first")]


def test_a_compacted_history_is_a_rebase() -> None:
    scribe = talked()
    scribe.ask(item("u two"))
    scribe.answer(item("a second"))
    kinds = added(scribe, *said("u summary", "u two", "a second", "u three"))
    assert kinds == ["Rebased", *["Message"] * 4]
    assert [e.onto for e in scribe.log if isinstance(e, Rebased)] == [""]


def test_bytes_that_stand_elsewhere_are_named_not_written() -> None:
    scribe = talked()
    scribe.ask(item("u two"))
    moved = item("a first", shows=" rewritten by the client")
    scribe.ask(item("u summary"), moved, item("u three"))
    entry = next(e for e in reversed(scribe.log) if isinstance(e, Message) and e.same_as)
    assert entry.item is None
    assert entry.same_as == end("u one", "a first")
    assert scribe.tree.nodes[entry.chain].item == item("a first")


def test_a_request_that_says_nothing_moves_nothing() -> None:
    """A prewarm (Codex 0.169.0 over a WebSocket): its client may leave it at that."""
    scribe = talked()
    tip = scribe.tree.tips["main"]
    assert added(scribe, owns_history=True) == []
    assert scribe.tree.tips["main"] == tip


class TestSettling:
    def test_a_replay_in_other_bytes_is_kept(self) -> None:
        replay = item("a first", shows=" replayed")
        scribe = talked()
        assert added(scribe, item("u one"), replay, item("u two")) == ["Settled", "Message"]
        settled = next(e for e in scribe.log if isinstance(e, Settled))
        assert (settled.of, settled.item) == (end("u one", "a first"), replay)

    def test_once(self) -> None:
        scribe = talked()
        scribe.ask(item("u one"), item("a first", shows=" replayed"), item("u two"))
        again = item("a first", shows=" yet another way")
        assert added(scribe, item("u one"), again, item("u two")) == []

    def test_a_client_that_resends_everything_needs_it_only_where_a_model_reads_another(
        self,
    ) -> None:
        spaced = Item(b"a  first", "test", "assistant", *_names("a first"), (), (), 10)
        assert added(talked(), item("u one"), spaced, item("u two")) == ["Settled", "Message"]
        owner = talked()
        sent = (item("u one"), spaced, item("u two"))
        assert added(owner, *sent, owns_history=True) == ["Message"]


def _names(line: str) -> tuple[str, str]:
    one = item(line)
    return one.identity, one.rendering


class TestHead:
    def test_it_is_written_when_it_changes(self) -> None:
        scribe = Scribe()
        assert added(scribe, item("u one"), system=b"A") == ["Head", "Message"]
        scribe.answer(item("a first"))
        assert added(scribe, item("u two"), system=b"A") == ["Message"]
        assert added(scribe, item("u three"), system=b"B") == ["Head", "Message"]

    def test_a_request_without_one_writes_none(self) -> None:
        assert added(talked(), item("u two")) == ["Message"]

    def test_what_was_sent_last_counts(self) -> None:
        """Also where the older head has not been read: the newest turn names it."""
        scribe = Scribe()
        scribe.ask(item("u one"), system=b"A")
        now = float(len(scribe.log))
        scribe.write(Turn("main", now, "answered", "", "", "m", 200, 0, None, head=NO_HEAD))
        assert added(scribe, item("u two"), system=b"A") == ["Head", "Message"]

    def test_it_is_said_again_so_that_it_is_never_far_back(self) -> None:
        scribe = Scribe()
        scribe.ask(item("u 0"), system=b"A")
        for n in range(1, 600):
            scribe.ask(item(f"u {n}"))
        heads = [entry.depth for entry in scribe.log if isinstance(entry, Head)]
        assert heads == [1, 257, 513]
        assert all(entry.system == b"A" for entry in scribe.log if isinstance(entry, Head))

    def test_not_for_a_client_that_always_brings_its_own(self) -> None:
        scribe = Scribe()
        history = [item(f"{'ua'[n % 2]} {n}") for n in range(601)]
        scribe.ask(history[0], owns_history=True, system=b"A")
        scribe.ask(*history, owns_history=True, system=b"A")
        scribe.ask(*history, item("u more"), owns_history=True)
        assert sum(isinstance(entry, Head) for entry in scribe.log) == 1


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic"])
def test_an_answer_given_again_goes_out_as_the_client_was_told_last(dialect: str) -> None:
    """The same call under another id: the client's results will name the newer one."""
    world = World(dialect)
    for name in ("call_1", "call_2"):
        made, _ = world.ask([user("look")], owns_history=True, tools=TOOLS[dialect])
        world.reply(made, call(dialect, name, {}))
    messages = [line for line in world.log if line.startswith(b'{"type":"message"')]
    assert len(messages) == 2, "nothing is written twice"
    assert world.path()[-1].item.calls == ("call_2",)
    world.ask([result(dialect, "call_2", "found")], tools=TOOLS[dialect])
    assert b"call_1" not in b"".join(world.sent[-1])
    assert len(world.sent[-1]) == 3
