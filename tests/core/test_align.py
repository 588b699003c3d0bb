"""The alignment table of the design, row by row, and that a partly read log never guesses."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitcher.core.align import Alignment, align, said_again
from stitcher.core.item import ROOT
from stitcher.core.log import Entry, Rewound, Tree, Turn
from tests.core.shorthand import end, item, messages, names, read_back, said, talked, tree_of
from tests.core.test_log import REQUEST, dialogue

ONE = ["u one", "a first"]
TWO = [*ONE, "u two", "a second"]
THREE = [*TWO, "u three", "a third"]


def lay(path: list[str], sent: list[str], *, owns_history: bool = False) -> Alignment:
    tree = talked(*path) if path else Tree(whole=True)
    found = align(tree, "main", said(*sent), owns_history=owns_history)
    assert found is not None
    return found


def new(alignment: Alignment) -> list[str]:
    """What is to be written, in the words of the test."""
    return [step.item.raw.decode() for step in alignment.steps if not step.known]


def grows_to(alignment: Alignment, *path: str) -> bool:
    return alignment.end == end(*path)


# Path so far, what the client sends, habit, what is new, and the path after it.
TABLE: list[tuple[str, list[str], list[str], str, list[str], list[str]]] = [
    ("a first request", [], ["u one"], "new", ["u one"], ["u one"]),
    ("begun elsewhere", [], [*ONE, "u two"], "adopted", [*ONE, "u two"], [*ONE, "u two"]),
    ("thin", ONE, ["u two"], "thin", ["u two"], [*ONE, "u two"]),
    ("thin, two at once", ONE, ["u 2", "u 3"], "thin", ["u 2", "u 3"], [*ONE, "u 2", "u 3"]),
    ("thin, with a system message", ONE, ["s now", "u 2"], "thin", ["s now", "u 2"],
        [*ONE, "s now", "u 2"]),
    ("all resent", TWO, [*TWO, "u three"], "continued", ["u three"], [*TWO, "u three"]),
    ("a window resent", THREE, [*THREE[2:], "u 4"], "window", ["u 4"], [*THREE, "u 4"]),
    ("a window that begins with an answer", TWO, ["a second", "u 3"], "window", ["u 3"],
        [*TWO, "u 3"]),
    ("a retry, thin", [*ONE, "u two"], ["u two"], "retry", [], [*ONE, "u two"]),
    ("a retry, all resent", [*ONE, "u two"], [*ONE, "u two"], "retry", [], [*ONE, "u two"]),
    ("a retry of several", [*ONE, "u 2", "u 3"], ["u 2", "u 3"], "retry", [],
        [*ONE, "u 2", "u 3"]),
    ("a retry of the last of several", [*ONE, "u 2", "u 3"], ["u 3"], "retry", [],
        [*ONE, "u 2", "u 3"]),
    ("a retry and more", [*ONE, "u two"], ["u two", "u more"], "thin", ["u more"],
        [*ONE, "u two", "u more"]),
    ("a tool result, thin", ["u one", "a call x"], ["t found x"], "thin", ["t found x"],
        ["u one", "a call x", "t found x"]),
    ("an edit", THREE, [*ONE, "u 2 edited"], "rewound", ["u 2 edited"], [*ONE, "u 2 edited"]),
    ("a regeneration", TWO, [*ONE, "u two"], "rewound", [], [*ONE, "u two"]),
    ("an edited answer", TWO, ["u one", "a 1st", "u 2"], "rewound", ["a 1st", "u 2"],
        ["u one", "a 1st", "u 2"]),
    ("an answer left out", TWO, ["u one", "u two", "a second", "u 3"], "rebased",
        ["u two", "a second", "u 3"], ["u one", "u two", "a second", "u 3"]),
    ("two questions merged", ["u 1", "a ", "u 2", "a second"], ["u 1 2", "a second", "u 3"],
        "rebased", ["u 1 2", "a second", "u 3"], ["u 1 2", "a second", "u 3"]),
    ("compacted, its end kept", THREE, ["u summary", *THREE[3:], "u 4"], "rebased",
        ["u summary", *THREE[3:], "u 4"], ["u summary", *THREE[3:], "u 4"]),
    ("compacted, nothing kept", THREE, ["u summary", "a ok", "u 4"], "rebased",
        ["u summary", "a ok", "u 4"], ["u summary", "a ok", "u 4"]),
    ("an edited window", [*THREE, "u 4", "a fourth"], [*THREE[2:], "u 4 edited"], "rewound",
        ["u 4 edited"], [*THREE, "u 4 edited"]),
    ("yes, again", ["u yes", "a and?"], ["u yes"], "thin", ["u yes"], ["u yes", "a and?", "u yes"]),
    ("yes, resent and again", ["u yes", "a and?"], ["u yes", "a and?", "u yes"], "continued",
        ["u yes"], ["u yes", "a and?", "u yes"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "sent", "habit", "news", "after"),
    [row[1:] for row in TABLE],
    ids=[r[0] for r in TABLE],
)
def test_the_table(
    path: list[str], sent: list[str], habit: str, news: list[str], after: list[str]
) -> None:
    found = lay(path, sent)
    assert found.habit == habit
    assert new(found) == news
    assert grows_to(found, *after)


OWNERS: list[tuple[str, list[str], list[str], str, list[str]]] = [
    ("a first request", [], ["u one"], "new", ["u one"]),
    ("all resent", ONE, [*ONE, "u two"], "continued", ["u two"]),
    ("a retry", [*ONE, "u two"], [*ONE, "u two"], "retry", []),
    ("an edit", TWO, [*ONE, "u other"], "rewound", ["u other"]),
    ("the first message edited", TWO, ["u uno"], "rebased", ["u uno"]),
    ("only its beginning", TWO, ["u one"], "rewound", []),
    ("a window is its own new history", THREE, [*THREE[2:], "u 4"], "rebased",
        [*THREE[2:], "u 4"]),
    ("an ephemeral tail is gone", [*ONE, "u two", "u (tail)", "a second"],
        [*ONE, "u two", "a second", "u three"], "rebased", ["a second", "u three"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "sent", "habit", "news"), [row[1:] for row in OWNERS], ids=[row[0] for row in OWNERS]
)
def test_a_client_that_keeps_its_history_gets_nothing_put_back(
    path: list[str], sent: list[str], habit: str, news: list[str]
) -> None:
    found = lay(path, sent, owns_history=True)
    assert found.base == ROOT
    assert found.habit == habit
    assert new(found) == news
    assert grows_to(found, *sent)


class TestPlaces:
    def test_what_is_left_out_ends_where_the_clients_messages_begin(self) -> None:
        assert lay(TWO, ["u three"]).base == end(*TWO)
        assert lay(THREE, [*THREE[2:], "u 4"]).base == end(*ONE)
        assert lay(TWO, [*TWO, "u three"]).base == ROOT

    def test_a_path_that_only_grows_is_not_turned(self) -> None:
        assert lay(TWO, ["u three"]).turns_off is None
        assert lay(TWO, [*TWO, "u three"]).turns_off is None
        assert lay(THREE, [*THREE[4:], "u 4"]).turns_off is None
        assert lay([*ONE, "u two"], ["u two"]).turns_off is None

    def test_an_edit_turns_off_after_the_last_message_in_common(self) -> None:
        assert lay(THREE, [*ONE, "u other"]).turns_off == end(*ONE)
        assert lay(THREE, ["u summary", "a ok", "u 4"]).turns_off == ROOT

    def test_known_bytes_are_found_again_in_order_from_the_newest(self) -> None:
        path = ["u yes", "a 1", "u yes", "a 2", "u yes", "a 3"]
        found = lay(path, ["u summary", "u yes", "a 2", "u yes", "a 3", "u go on"])
        stood = names(*path)
        assert [step.same_as for step in found.steps] == ["", stood[2], stood[3], stood[4],
                                                          stood[5], ""]  # fmt: skip

    def test_nothing_is_the_same_as_a_message_before_the_ones_in_common(self) -> None:
        """What follows the common beginning is sought after it: its order says so."""
        found = lay(["u one", "a x", "u two", "a y"], ["u one", "a x", "u 2", "a x", "u 3"])
        assert [step.same_as for step in found.steps] == [""] * 5


class TestThin:
    def test_after_a_cut_answer_the_same_question_asks_again(self) -> None:
        log = list(messages(said(*ONE, "u two", "a sec")))
        tree = tree_of(*log[:-1], replace(log[-1], cut=True))
        found = align(tree, "main", said("u two"))
        assert found is not None
        assert found.habit == "retry"
        assert found.base == end(*ONE)
        assert found.turns_off == end(*ONE, "u two")

    def test_after_a_cut_answer_another_question_follows_it(self) -> None:
        log = list(messages(said(*ONE, "u two", "a sec")))
        tree = tree_of(*log[:-1], replace(log[-1], cut=True))
        found = align(tree, "main", said("u three"))
        assert found is not None
        assert found.base == end(*ONE, "u two", "a sec")

    def test_a_failed_question_is_asked_again_and_not_written_again(self) -> None:
        tree = talked(*ONE, "u two")
        tree.append(Turn("main", 0.0, "failed", "", end(*ONE), "m", 500, 0, None))
        found = align(tree, "main", said("u two"))
        assert found is not None
        assert found.habit == "retry"
        assert new(found) == []

    def test_a_failed_question_is_gone_when_another_is_asked(self) -> None:
        tree = talked(*ONE, "u two")
        tree.append(Turn("main", 0.0, "failed", "", end(*ONE), "m", 500, 0, None))
        found = align(tree, "main", said("u other"))
        assert found is not None
        assert found.end == end(*ONE, "u other")

    def test_an_edited_window_sent_again_is_known(self) -> None:
        log: list[Entry] = [*messages(said(*THREE)), Rewound("main", 0.0, end(*TWO))]
        log += messages(said("u 3"), after=said(*TWO))
        log += [Rewound("main", 0.0, end(*THREE))]
        found = align(tree_of(*log), "main", said(*TWO[2:], "u 3"))
        assert found is not None
        assert found.habit == "rewound"
        assert new(found) == []


LOOP = ["u hi", "a hello", "u ask", "a call x"]
LONG_LOOP = [*LOOP, "t found x", "a call y"]
SAID_AGAIN = [
    # What stands on the path, what the client sends, and how much of that it had said before.
    ("the question before the result of its call", LOOP, ["u ask", "t found x"], 1),
    ("a whole loop before its newest result", LONG_LOOP, ["u ask", "t found x", "t found y"], 2),
    ("something else beside the result", LOOP, ["u ask", "t found x", "u and?"], 1),
    ("a result alone", LOOP, ["t found x"], 0),
    ("another question before the result", LOOP, ["u wait", "t found x"], 0),
    ("the question and another's result", LOOP, ["u ask", "t found z"], 0),
    ("the question before its call was answered", LOOP, ["u ask"], 0),
    ("only the newest of the results", LONG_LOOP, ["u ask", "t found y"], 0),
    ("a question asked before", ["u hi", "a call x"], ["u hi", "u hi", "t found x"], 1),
    ("a result that is there, asked again", [*LOOP, "t found x"], ["u ask", "t found x"], 1),
    ("the same again after an answer", [*LOOP, "t found x", "a ok"], ["u ask", "t found x"], 0),
    ("nothing is there", [], ["u ask", "t found x"], 0),
]


@pytest.mark.parametrize(
    ("path", "sent", "known"), [row[1:] for row in SAID_AGAIN], ids=[row[0] for row in SAID_AGAIN]
)
def test_what_is_said_again_before_a_result_is_told(
    path: list[str], sent: list[str], known: int
) -> None:
    assert said_again(talked(*path), "main", said(*sent)) == known
    # It is told from the newest lines, or more is asked for until they are all there.
    log = list(messages(said(*path)))
    answers = [said_again(read_back(log, n), "main", said(*sent)) for n in range(len(log) + 1)]
    assert set(answers) <= {known, None}
    assert answers[-1] == known


class TestThreads:
    def test_a_new_thread_may_stand_on_anothers_path(self) -> None:
        """A warm fork begins with its parent's whole input."""
        found = align(talked(*TWO), "fork", said(*TWO, "u aside"), owns_history=True)
        assert found is not None
        assert new(found) == ["u aside"]
        assert found.habit == "adopted"
        assert found.turns_off == end(*TWO), "its tip is set where it leaves"

    def test_a_threads_tip_is_its_own(self) -> None:
        tree = tree_of(*messages(said(*ONE)), *messages(said("u title?"), thread="side"))
        found = align(tree, "main", said(*ONE, "u two"))
        assert found is not None
        assert found.habit == "continued"


class TestReadingBack:
    def test_a_resent_history_needs_no_more_than_its_end(self) -> None:
        log = list(messages(said(*THREE)))
        found = align(read_back(log, 1), "main", said(*THREE, "u 4"))
        assert found is not None
        assert new(found) == ["u 4"]

    def test_a_thin_request_needs_no_more_than_the_last_answer(self) -> None:
        assert align(read_back(list(messages(said(*THREE))), 1), "main", said("u 4")) is not None

    def test_a_new_thread_needs_the_whole_log(self) -> None:
        log = list(messages(said(*THREE)))
        assert align(read_back(log, 5), "side", said(*THREE)) is None
        assert align(read_back(log, 6), "side", said(*THREE)) is not None

    def test_a_tip_that_was_only_named_has_to_be_read(self) -> None:
        """Many turns failed since: what stands after the tip is further back."""
        log = [*messages(said("u one"))]
        failed = Turn("main", 0.0, "failed", end("u one"), ROOT, "m", 500, 0, None)
        for sent in (["u one"], ["u one", "a first", "u two"]):
            assert align(read_back([*log, failed, failed], 2), "main", said(*sent)) is None
        log += messages(said(*TWO[1:3]), after=said("u one"))
        later = replace(failed, base=end(*ONE))
        for sent in (["u two"], TWO[:3], [*ONE, "u other"]):
            assert align(read_back([*log, later], 1), "main", said(*sent)) is None

    def test_exhausted_means_that_no_more_will_be_read(self) -> None:
        tree = read_back(list(messages(said(*THREE))), 1)
        sent = said("u new", "a history", "u of its own")
        assert align(tree, "main", sent, owns_history=True) is None
        assert align(tree, "main", sent, owns_history=True, exhausted=True) is not None

    @settings(max_examples=150, deadline=None)
    @given(
        requests=st.lists(REQUEST, min_size=1, max_size=8),
        sent=st.lists(st.sampled_from(["u yes", "u no", "u go on", "a reply 0", "a reply 1"]),
                      min_size=1, max_size=5),
        resent=st.integers(0, 9),
        owns=st.booleans(),
    )  # fmt: skip
    def test_a_partly_read_log_gives_the_same_answer_or_asks_for_more(
        self,
        requests: list[tuple[str, str, str, str, bool]],
        sent: list[str],
        resent: int,
        owns: bool,
    ) -> None:
        scribe = dialogue(requests)
        path = [node.item for node in scribe.tree.path(scribe.tree.tips["main"])]
        for items in (said(*sent), [*path[resent % (len(path) + 1) :], *said(*sent)], path):
            if not items:
                continue
            expected = align(scribe.tree, "main", items, owns_history=owns)
            for newest in range(len(scribe.log)):
                partly = read_back(scribe.log, newest)
                found = align(partly, "main", items, owns_history=owns)
                assert found is None or found == expected, newest


class TestLongest:
    """Linear, or these would not come back."""

    LONG = 100_000

    def test_a_hundred_thousand_times_the_same_message(self) -> None:
        items = said("u yes") * self.LONG
        tree = tree_of(*messages(items))
        for owns in (True, False):
            sent = [*items, item("a no"), item("u yes")]
            found = align(tree, "main", sent, owns_history=owns)
            assert found is not None
            assert len(new(found)) == 2

    def test_a_window_of_it(self) -> None:
        items = [*said("u yes", "a ok") * (self.LONG // 2)]
        tree = tree_of(*messages(items))
        found = align(tree, "main", [*items[100:], item("u no")])
        assert found is not None
        assert found.habit == "window"
        assert new(found) == ["u no"]

    def test_a_rewritten_history(self) -> None:
        items = [item(f"{'ua'[n % 2]} {n}") for n in range(100)] * (self.LONG // 100)
        tree = tree_of(*messages(items))
        found = align(tree, "main", [item("u summary"), *items[1:]])
        assert found is not None
        assert found.habit == "rebased"
        assert all(step.same_as for step in found.steps[1:])


@settings(max_examples=200, deadline=None)
@given(
    path=st.lists(st.sampled_from("ab"), min_size=1, max_size=12),
    window=st.integers(1, 12),
)
def test_a_window_is_found_wherever_it_begins(path: list[str], window: int) -> None:
    """Against the plainest way to look for one: the longest end of the path that is resent."""
    lines = [f"{letter} x" if letter == "a" else "u x" for letter in path]
    kept = lines[-window:]
    if "a x" not in kept:
        return
    found = lay(lines, [*kept, "u new"])
    longest = max(
        n for n in range(1, len(lines) + 1) if [*kept, "u new"][:n] == lines[len(lines) - n :]
    )
    if found.habit == "window":
        assert found.base == end(*lines[: len(lines) - longest])
    else:
        assert found.habit == "continued"
    assert grows_to(found, *lines, "u new")


def test_rewound_to_the_root_a_thin_request_begins_again() -> None:
    tree = talked(*ONE)
    tree.append(Rewound("main", 0.0, ROOT))
    found = align(tree, "main", said("u uno"))
    assert found is not None
    assert found.end == end("u uno")
