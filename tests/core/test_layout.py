"""What is sent: whose bytes, with which calls and results, marked where."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from stitcher.core.align import align
from stitcher.core.item import Item
from stitcher.core.layout import (
    Change,
    Piece,
    first_sent,
    laid_after,
    legal,
    mark_ends,
    replaces,
    restore,
    settles,
    stub_text,
)
from stitcher.core.log import Compacted, Node, Settled, Tree
from tests.core.shorthand import end, item, messages, names, said, talked, tree_of

HELLO = ["u hi", "a hello", "u bye", "a ciao"]


def pieces(*lines: str) -> list[Piece]:
    """Pieces of ours; a line in capitals of role is the client's own (`U hi`)."""
    made = []
    for line, name in zip(lines, names(*(low(line) for line in lines)), strict=True):
        made.append(Piece(calls(low(line)), name, ours=line[0].islower()))
    return made


def low(line: str) -> str:
    return line[0].lower() + line[1:]


def calls(line: str) -> Item:
    """`a call x+y` makes two calls, `t found x+y` answers two."""
    one = item(line)
    return replace(
        one,
        calls=tuple(name for call in one.calls for name in call.split("+")),
        answers=tuple(name for answer in one.answers for name in answer.split("+")),
    )


SIGNS = {Change.NONE: ".", Change.NO_CALLS: "C", Change.NO_RESULTS: "R"}


# Lines, and what is done to each: C takes its calls out, R its results, a dot nothing.
LEGAL = [
    ("nothing to part", ["u hi", "a hello"], ".."),
    ("a call and its result", ["a call x", "t found x"], ".."),
    ("two calls, two results", ["a call x+y", "t found x", "t found y"], "..."),
    ("in another order", ["a call x+y", "t found y", "t found x"], "..."),
    ("two results in one message", ["a call x+y", "u found y+x"], ".."),
    ("the client's result to our call", ["a call x", "T found x"], ".."),
    ("the client's result after its question", ["a call x", "U ask", "T found x"], "..."),
    ("one of two results after a question", ["a call x+y", "U ask", "T found x"], "C.."),
    ("the client's second result", ["a call x+y", "t found x", "T found y"], "..."),
    ("a call nothing answers", ["a call x", "u never mind"], "C."),
    ("a call at the very end", ["u hi", "a call x"], ".C"),
    ("a call before the client's question", ["a call x", "U never mind"], "C."),
    ("half answered", ["a call x+y", "t found x", "u hi"], "CR."),
    ("half answered, the client's half", ["a call x+y", "T found x"], ".."),  # it is told
    ("answered by something else", ["a call x", "t found z"], "CR"),
    ("answered twice", ["a call x", "t found x", "t found x"], "CRR"),
    ("a result after a break", ["a call x", "u wait", "t found x"], "C.R"),
    ("a result whose call is gone", ["t found x", "u hi"], "R."),
    ("results whose call is gone", ["t found x", "t found y", "u hi"], "RR."),
    ("calls one after the other", ["a call x", "t found x", "a call y", "t found y"], "...."),
    ("the first of two open", ["a call x", "a call y", "t found y"], "C.."),
    ("the client's own orphan", ["U hi", "T found x"], ".."),
    ("the client's own open call", ["A call x", "U hi"], ".."),
    ("the client's result, our call elsewhere", ["a call x", "u hi", "T found x"], "C.."),
]


@pytest.mark.parametrize(
    ("lines", "signs"), [row[1:] for row in LEGAL], ids=[row[0] for row in LEGAL]
)
def test_no_call_is_parted_from_its_results(lines: list[str], signs: str) -> None:
    before = pieces(*lines)
    after = legal(before)
    assert "".join(SIGNS[piece.change] for piece in after) == signs
    assert [piece.item for piece in after] == [piece.item for piece in before]
    assert legal(after) == after, "once is enough"


class TestFirstSent:
    """The bytes that went upstream first go out again, however the client re-serialises them."""

    @staticmethod
    def sent(tree: Tree, *items: Item) -> list[Piece]:
        aligned = align(tree, "main", items)
        assert aligned is not None
        return first_sent(aligned, tree.nodes)

    def test_the_same_rendering_goes_out_as_the_client_sent_it(self) -> None:
        mine = replace(item("u hi"), raw=b"other spacing")
        sent = self.sent(talked(*HELLO), mine, *said(*HELLO[1:], "u more"))
        assert sent[0] == Piece(mine, end("u hi"))

    def test_another_rendering_is_replaced_and_keeps_the_clients_breakpoint(self) -> None:
        mine = item("u hi", shows=" with other arguments")
        sent = self.sent(talked(*HELLO), mine, *said(*HELLO[1:], "u more"))
        assert sent[0] == Piece(item("u hi"), end("u hi"), Change.NO_MARKERS, marked_by=mine)

    def test_an_answers_first_replay_is_the_clients(self) -> None:
        tree = talked("u hi", "a hello")
        mine = item("a hello", shows=" as the client has it")
        assert self.sent(tree, item("u hi"), mine, item("u bye"))[1].item is mine

    def test_after_which_it_stays(self) -> None:
        tree = talked("u hi", "a hello")
        mine = item("a hello", shows=" as the client has it")
        tree.append(Settled("main", 0.0, end("u hi", "a hello"), mine))
        again = item("a hello", shows=" yet another way")
        assert self.sent(tree, item("u hi"), again, item("u bye"))[1].item is mine

    def test_bytes_known_from_another_place_go_out_there_too(self) -> None:
        tree = talked(*HELLO)
        mine = item("a ciao", shows=" differently")
        sent = self.sent(tree, item("u summary"), mine, item("u more"))
        assert sent[1].item == item("a ciao") or not tree.nodes[end(*HELLO)].settled
        tree.append(next(iter(messages(said("u more"), after=said(*HELLO)))))
        assert self.sent(tree, item("u summary"), mine, item("u m"))[1].item == item("a ciao")


def node(line: str, *, settled: bool = True) -> Node:
    return replace(talked(line).nodes[end(line)], settled=settled)


class TestReplaces:
    def test_only_what_a_model_would_read_differently(self) -> None:
        assert not replaces(node("a hello"), item("a hello"))
        assert replaces(node("a hello"), item("a hello", shows="!"))

    def test_not_an_answer_that_was_never_input(self) -> None:
        assert not replaces(node("a hello", settled=False), item("a hello", shows="!"))

    def test_not_where_tool_ids_differ(self) -> None:
        """OpenClaw strips their punctuation: its results name the ids it knows."""
        stripped = replace(item("a call call_1", shows="!"), calls=("call1",))
        assert not replaces(node("a call call_1"), stripped)
        result = replace(item("t found call_1", shows="!"), answers=("call1",))
        assert not replaces(node("t found call_1"), result)


class TestSettles:
    def test_a_replay_that_differs_in_a_byte(self) -> None:
        assert settles(node("a hello", settled=False), item("a hello", shows="!"))

    def test_not_the_same_bytes_and_not_twice(self) -> None:
        assert not settles(node("a hello", settled=False), item("a hello"))
        assert not settles(node("a hello"), item("a hello", shows="!"))


def path_of(*lines: str, thinks: Sequence[int] = (), head: str = "h") -> list[Node]:
    items = [item(line, thinks=n in thinks) for n, line in enumerate(lines)]
    tree = tree_of(*(replace(entry, head=head) for entry in messages(items)))
    return tree.path(end(*lines))


def thinking(restored: Sequence[Piece]) -> str:
    """T where thinking goes out, - where it is left out, a dot where there is none."""
    return "".join(
        "." if not piece.item.thinks else "-" if Change.NO_THINKING in piece.change else "T"
        for piece in restored
    )


class TestRestore:
    def test_what_is_put_back_is_ours_and_loses_its_breakpoints(self) -> None:
        restored = restore(path_of(*HELLO), None, head="h", binds=False)
        assert [piece.item for piece in restored] == said(*HELLO)
        assert all(piece.ours and piece.change == Change.NO_MARKERS for piece in restored)

    def test_repeats_go_as_stubs(self) -> None:
        window = Compacted("main", 0.0, "", "", ((end(*HELLO[:2]), end(*HELLO)),))
        restored = restore(path_of(*HELLO), window, head="h", binds=False)
        assert [piece.repeats for piece in restored] == ["", end(*HELLO), "", ""]
        assert end(*HELLO[:2])[:12] in stub_text(restored[1])

    def test_thinking_stays_where_nothing_changed(self) -> None:
        path = path_of(*HELLO, thinks=(1, 3))
        assert thinking(restore(path, None, head="h", binds=True)) == ".T.T"

    def test_thinking_from_before_a_cut_goes(self) -> None:
        path = path_of(*HELLO, thinks=(1, 3))
        window = Compacted("main", 0.0, path[0].chain, path[1].chain)
        assert thinking(restore(path, window, head="h", binds=True)) == ".-.T"
        window = replace(window, at=path[3].chain)
        assert thinking(restore(path, window, head="h", binds=True)) == ".-.-"

    def test_thinking_under_another_head_goes_and_all_before_it(self) -> None:
        path = path_of(*HELLO, thinks=(1, 3))
        path[1] = replace(path[1], head="old")
        assert thinking(restore(path, None, head="h", binds=True)) == ".-.T"
        assert thinking(restore(path, None, head="new", binds=True)) == ".-.-"

    def test_other_models_do_not_tie_it(self) -> None:
        path = path_of(*HELLO, thinks=(1, 3))
        window = Compacted("main", 0.0, path[0].chain, path[3].chain)
        assert thinking(restore(path, window, head="new", binds=False)) == ".T.T"

    def test_a_cut_long_ago_says_nothing_of_what_came_after(self) -> None:
        path = path_of(*HELLO, thinks=(1, 3))
        window = Compacted("main", 0.0, "before", "before too")
        assert thinking(restore(path, window, head="h", binds=True)) == ".T.T"


class TestMarkEnds:
    @staticmethod
    def marked(free: int, *lines: str, previous: str = "", lookback: int = 1) -> str:
        found = mark_ends(
            pieces(*lines), free=free, previous_end=previous, lookback=lookback, lifetime=300
        )
        return "".join("M" if piece.marked_for == 300 else "." for piece in found)

    def test_where_this_request_ends(self) -> None:
        """The provider walks back from there to where the last one ended."""
        assert self.marked(4, *HELLO, previous=end(*HELLO[:2]), lookback=20) == "...M"

    @pytest.mark.parametrize(("lookback", "where"), [(3, "...M"), (2, ".M.M")])
    def test_and_where_the_last_one_did_if_that_is_too_far_back(
        self, lookback: int, where: str
    ) -> None:
        """Two messages of one position each: the third position walked to, itself the first."""
        assert self.marked(4, *HELLO, previous=end(*HELLO[:2]), lookback=lookback) == where

    def test_a_message_is_as_many_positions_as_it_says(self) -> None:
        long = [replace(piece, item=replace(piece.item, positions=25)) for piece in pieces(*HELLO)]
        found = mark_ends(long, free=4, previous_end=end(*HELLO[:3]), lookback=20, lifetime=3_600)
        assert [piece.marked_for for piece in found] == [0, 0, 3_600, 3_600]

    @pytest.mark.parametrize(
        ("free", "where"), [(3, "..MM"), (1, "...M"), (0, "...."), (-2, "....")]
    )
    def test_only_as_many_as_are_free_the_end_first(self, free: int, where: str) -> None:
        assert self.marked(free, *HELLO, previous=end(*HELLO[:3])) == where

    def test_the_end_of_the_last_request_is_not_sent(self) -> None:
        assert self.marked(4, *HELLO, previous="gone") == "...M"

    def test_the_same_place_is_marked_once(self) -> None:
        assert self.marked(4, *HELLO, previous=end(*HELLO)) == "...M"

    def test_nothing_to_mark(self) -> None:
        assert mark_ends([], free=4, previous_end="", lookback=20, lifetime=300) == []


def test_laid_names_all_renderings_in_order() -> None:
    one = laid_after(laid_after("", "a"), "b")
    assert one != laid_after(laid_after("", "b"), "a")
    assert one == laid_after(laid_after("", "a"), "b")
