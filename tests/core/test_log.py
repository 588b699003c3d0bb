"""The fold: the same tree from both ends, and what an entry does to it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.item import ROOT, Item
from stitcher.core.ledger import CacheState, Held
from stitcher.core.log import (
    Compacted,
    Conversation,
    Entry,
    Head,
    Message,
    Rebased,
    Refreshed,
    Rewound,
    Settled,
    Tree,
    Turn,
)
from tests.core.scribe import Scribe
from tests.core.shorthand import end, item, messages, names, read_back, said, talked, tree_of

HELLO = ["u hi", "a hello", "u bye"]


def turn(status: str = "answered", *, base: str = ROOT, head: str = "", window: str = "") -> Turn:
    return Turn("main", 0.0, status, "", base, "m", 200, 0, None, head, window)  # type: ignore[arg-type]


def lines_of(tree: Tree, tip: str | None = None) -> list[str]:
    path = tree.path(tree.tips["main"] if tip is None else tip)
    return [node.item.raw.decode() for node in path]


def same(one: Tree, other: Tree) -> bool:
    """The same tree for whoever asks it."""
    return (one.nodes, one.tips, one.heads, one.windows, one.turns) == (
        other.nodes,
        other.tips,
        other.heads,
        other.windows,
        other.turns,
    )


class TestOneEntry:
    def test_messages_make_a_path(self) -> None:
        assert lines_of(talked(*HELLO)) == HELLO

    def test_a_path_can_begin_after_a_place(self) -> None:
        tree = talked(*HELLO)
        after = tree.path(end(*HELLO), since=end("u hi"))
        assert [node.chain for node in after] == names(*HELLO)[1:]

    def test_a_second_child_is_a_branch_and_the_first_stays_reachable(self) -> None:
        tree = talked(*HELLO)
        tree.append(Rewound("main", 0.0, end(*HELLO[:2])))
        assert lines_of(tree) == HELLO[:2]
        for entry in messages(said("u why?"), after=said(*HELLO[:2])):
            tree.append(entry)
        assert lines_of(tree) == [*HELLO[:2], "u why?"]
        assert lines_of(tree, end(*HELLO)) == HELLO

    def test_a_failed_turn_takes_its_question_off_the_path(self) -> None:
        tree = talked(*HELLO)
        tree.append(turn("failed", base=end(*HELLO[:2])))
        assert lines_of(tree) == HELLO[:2]
        assert end(*HELLO) in tree.nodes

    @pytest.mark.parametrize("status", ["answered", "cut"])
    def test_other_turns_leave_it(self, status: str) -> None:
        tree = talked(*HELLO)
        tree.append(turn(status))
        assert lines_of(tree) == HELLO

    def test_a_rebase_moves_the_tip_and_what_follows_stands_there(self) -> None:
        tree = talked(*HELLO)
        tree.append(Rebased("main", 0.0, ROOT))
        assert lines_of(tree) == []
        for entry in messages(said("u summary")):
            tree.append(entry)
        assert lines_of(tree) == ["u summary"]

    def test_bytes_that_stand_elsewhere_are_found_there(self) -> None:
        moved = replace(
            next(iter(messages(said("u bye"), after=said("u summary")))),
            item=None,
            same_as=end(*HELLO),
        )
        tree = tree_of(*messages(said(*HELLO)), *messages(said("u summary")), moved)
        assert lines_of(tree) == ["u summary", "u bye"]

    def test_threads_have_tips_of_their_own(self) -> None:
        tree = tree_of(*messages(said(*HELLO)), *messages(said("u title?"), thread="side"))
        assert tree.tips == {"main": end(*HELLO), "side": end("u title?")}

    def test_an_answer_is_settled_once_something_follows_it(self) -> None:
        tree = talked("u hi", "a hello")
        assert not tree.nodes[end("u hi", "a hello")].settled
        assert tree.nodes[end("u hi")].settled, "a question has been upstream"
        assert talked(*HELLO).nodes[end("u hi", "a hello")].settled

    def test_a_replay_settles_an_answer_on_its_own_bytes(self) -> None:
        tree = talked("u hi", "a hello")
        replay = item("a hello", shows=" (as the client has it)")
        tree.append(Settled("main", 0.0, end("u hi", "a hello"), replay))
        node = tree.nodes[end("u hi", "a hello")]
        assert node.item == replay
        assert node.settled

    def test_an_answer_given_again_has_the_bytes_the_client_was_told_last(self) -> None:
        """The same words under other tool ids: its results will name the newer ones."""
        first, again = (
            list(messages([item("u hi"), item("a hello", shows=shows)]))[1] for shows in ("", "!")
        )
        forwards = tree_of(first, again)
        for portion in (1, 2):
            backwards = read_back([first, again], portion)
            assert forwards.nodes[first.chain].item == again.item
            assert same(forwards, backwards)

    def test_a_replay_settles_the_answer_before_it_not_one_given_later(self) -> None:
        first, again = (
            list(messages(said("u hi", "a hello")))[1],
            list(messages([item("u hi"), item("a hello", shows="!")]))[1],
        )
        settled = Settled("main", 0.0, first.chain, item("a hello", shows="?"))
        forwards = tree_of(first, settled, again)
        for portion in (1, 3):
            backwards = read_back([first, settled, again], portion)
            assert backwards.nodes[first.chain].item == again.item
            assert same(forwards, backwards)


class TestWhatIsKnown:
    HEAD = Head("main", 0.0, "test", "h1", b"Be brief.", None)
    CUT = Compacted("main", 0.0, end("u hi"), end("u hi"))

    @pytest.mark.parametrize(
        ("entries", "head", "window"),
        [
            ([], False, False),
            ([HEAD], True, False),
            ([CUT], False, True),
            ([turn()], True, True),  # sent without a head, never cut: there is nothing older
            ([turn(head="h1")], False, True),
            ([turn(window="w")], True, False),
            ([HEAD, turn(head="h1")], True, True),
            ([CUT, turn(window=CUT.start)], True, True),
        ],
    )
    def test_when_no_older_line_can_say_more(
        self, entries: list[Entry], head: bool, window: bool
    ) -> None:
        tree = read_back([*messages(said(*HELLO)), *entries], len(entries))
        assert tree.knows_head("main") is head
        assert tree.knows_window("main") is window

    def test_a_whole_log_says_all_there_is(self) -> None:
        tree = Tree(whole=True)
        assert tree.knows_head("main")
        assert tree.knows_window("main")

    def test_another_threads_lines_say_nothing(self) -> None:
        tree = Tree()
        tree.prepend(replace(self.HEAD, thread="side"))
        tree.prepend(replace(self.CUT, thread="side"))
        assert not tree.knows_head("main")
        assert not tree.knows_window("main")

    def test_a_message_whose_bytes_are_not_read_yet_is_known_to_stand_there(self) -> None:
        moved = replace(
            next(iter(messages(said("u bye"), after=said("u summary")))),
            item=None,
            same_as=end(*HELLO),
        )
        log = [*messages(said(*HELLO)), moved]
        assert read_back(log, 1).stands(moved.chain)
        assert not read_back(log, 1).stands(end("u hi"))

    def test_a_message_whose_bytes_are_nowhere_does_not_stand(self) -> None:
        lost = replace(next(iter(messages(said("u bye")))), item=None, same_as="nowhere")
        assert not tree_of(lost).stands(lost.chain)


def test_newest_of_each_kind_wins_from_either_end() -> None:
    log: list[Entry] = [
        Head("main", 1.0, "test", "old", b"1", None),
        Compacted("main", 1.0, "a", "b"),
        turn(head="old"),
        Head("main", 2.0, "test", "new", b"2", None),
        Compacted("main", 2.0, "c", "d"),
        turn(head="new"),
    ]
    for tree in (tree_of(*log), read_back(log, len(log))):
        assert tree.heads["main"].digest == "new"
        assert tree.windows["main"].start == "c"
        assert tree.turns["main"].head == "new"


def test_the_newest_that_a_conversation_says_of_itself_counts_from_either_end() -> None:
    first = Conversation(1.0, "conv_1", 1, b"{}")
    last = replace(first, time=2.0, metadata=b'{"topic":"tea"}')
    forwards, backwards = Tree(), Tree()
    for entry in (first, last):
        forwards.append(entry)
    for entry in (last, first):
        backwards.prepend(entry)
    assert forwards.conversation == backwards.conversation == last


class TestRefreshed:
    """What was read again in the provider's cache lives on from then."""

    HELD = (Held("new", 900, 300, used=10.0, visible=11.0), Held("old", 500, 300, 5.0, 6.0))
    TURN = replace(turn(), cache=CacheState(held=HELD))

    def used(self, *log: Entry) -> dict[str, float]:
        """When each entry was used last, by a log read from either end."""
        forwards, backwards = tree_of(*log), read_back(list(log), len(log))
        assert same(forwards, backwards)
        cold = Tree()  # what is written before anything was read back
        for entry in log[1:]:
            cold.append(entry)
        cold.prepend(log[0])
        assert cold.turns == forwards.turns
        return {entry.key: entry.used for entry in forwards.turns["main"].cache.held}

    def refreshed(self, time: float, *keys: str, thread: str = "main") -> Refreshed:
        return Refreshed(thread, time, keys, None)

    def test_only_what_was_read(self) -> None:
        log = self.TURN, self.refreshed(270.0, "new"), self.refreshed(540.0, "new")
        assert self.used(*log) == {"new": 540.0, "old": 5.0}

    def test_nothing_where_it_was_lost(self) -> None:
        assert self.used(self.TURN, self.refreshed(270.0)) == {"new": 10.0, "old": 5.0}

    def test_no_other_thread_s(self) -> None:
        side = self.refreshed(270.0, "new", thread="side")
        assert self.used(self.TURN, side) == {"new": 10.0, "old": 5.0}

    def test_nothing_of_a_later_turn(self) -> None:
        log = self.TURN, self.refreshed(270.0, "new"), self.TURN
        assert self.used(*log) == {"new": 10.0, "old": 5.0}


def test_a_message_moved_ten_thousand_times_is_read_back() -> None:
    """A client that rewrites its history on every request makes a chain of references."""
    log: list[Message] = list(messages(said("u hi")))
    for n in range(10_000):
        moved = next(iter(messages(said("u hi"), after=said(f"u rewritten {n}"))))
        log.append(replace(moved, item=None, same_as=log[-1].chain))
    tree = read_back(log, len(log))
    assert tree.nodes[log[-1].chain].item == log[0].item


# ── the same tree from both ends ─────────────────────────────────────────────────────────────

SHOWS = st.sampled_from(["", "", " as the client writes it", " another way"])
REQUEST = st.tuples(
    st.sampled_from(["thin", "full", "window", "edit", "compacted", "again"]),
    st.sampled_from(["yes", "no", "go on"]),
    SHOWS,
    st.sampled_from(["answered", "answered", "cut", "failed", "lost"]),
    st.booleans(),
)
HELD = Held("end", 900, 300, used=0.0, visible=0.0)


def dialogue(requests: list[tuple[str, str, str, str, bool]]) -> Scribe:
    """A log such as the worst of clients makes."""
    scribe = Scribe()
    history: list[Item] = []
    for n, (habit, text, shows, outcome, owns) in enumerate(requests):
        old = [item(i.raw.decode().split(" as")[0].split(" another")[0], shows=shows)
               for i in history]  # fmt: skip
        question = item(f"u {text}")
        match habit:
            case "thin":
                sent = [question]
            case "full":
                sent = [*old, question]
            case "window":
                sent = [*old[-2:], question]
            case "edit":
                old = old[: len(old) // 2]
                sent = [*old, question]
            case "compacted":
                old = [item(f"u summary {n}"), *old[-3:]]
                sent = [*old, question]
            case _:
                sent = old or [question]
        scribe.ask(*sent, owns_history=owns and habit != "thin")
        history = [*old, question] if habit != "again" else (old or [question])
        if outcome == "failed":
            scribe.fail()
        elif outcome != "lost":
            reply = item(f"a reply {n}")
            scribe.answer(reply, cut=outcome == "cut", cache=CacheState(held=(HELD,)))
            history.append(reply)
            for _ in range(n % 3):
                scribe.write(Refreshed("main", float(len(scribe.log)), ("end",), None))
    return scribe


@settings(max_examples=120, deadline=None)
@given(requests=st.lists(REQUEST, min_size=1, max_size=8), at=st.integers(0, 999))
def test_the_tree_is_the_same_from_both_ends(
    requests: list[tuple[str, str, str, str, bool]], at: int
) -> None:
    scribe = dialogue(requests)
    log = scribe.log
    assert same(scribe.tree, read_back(log, len(log)))
    middle = at % (len(log) + 1)
    outwards = Tree()
    for newer, older in zip(
        [*log[middle:], *[None] * middle],
        [*reversed(log[:middle]), *[None] * (len(log) - middle)],
        strict=True,
    ):
        # Read back while new entries are written.
        if older is not None:
            outwards.prepend(older)
        if newer is not None:
            outwards.append(newer)
    assert same(scribe.tree, outwards)


@settings(max_examples=60, deadline=None)
@given(requests=st.lists(REQUEST, min_size=1, max_size=8), shows=SHOWS)
def test_lines_taken_in_twice_change_nothing(
    requests: list[tuple[str, str, str, str, bool]], shows: str
) -> None:
    scribe = dialogue(requests)
    again = read_back(scribe.log, len(scribe.log))
    for entry in reversed(scribe.log):
        again.prepend(entry)
    assert same(scribe.tree, again)


def test_an_answer_of_several_parts_that_was_moved_is_settled_as_a_whole() -> None:
    """Also where none of its bytes are read yet: what follows its last part carried all of it."""

    def of_an_answer(entry: Message) -> Message:
        assert entry.item is not None
        return replace(entry, answer=entry.item.role == "assistant")

    first = [of_an_answer(one) for one in messages(said("u hi", "a one", "a two"))]
    again = [of_an_answer(one) for one in messages(said("u summary", "a one", "a two"))]
    moved = [again[0]] + [
        replace(one, item=None, same_as=origin.chain)
        for one, origin in zip(again[1:], first[1:], strict=True)
    ]
    (last,) = messages(said("u more"), after=said("u summary", "a one", "a two"))
    cold = Tree()
    for entry in [*moved, last]:
        cold.append(entry)
    for entry in reversed(first):
        cold.prepend(entry)
    warm = tree_of(*first, *moved, last)
    assert [cold.nodes[one.chain].settled for one in moved] == [True, True, True]
    assert [warm.nodes[one.chain].settled for one in moved] == [True, True, True]
