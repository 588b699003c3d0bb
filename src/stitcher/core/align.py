"""Which of a client's messages are known, new, dropped or edited.

A request's history is laid against the active path by identity, never by similarity. What comes
out is the same for the same log on any machine: where too little of the log has been read to
decide, the answer is "read more" (None), not a guess.

Where two readings are possible, the one that loses nothing wins: a user message that was said
before is a genuine repeat, and a history that could be a window of the path is one.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from stitcher.core.item import ROOT, Item, chain, chains
from stitcher.core.log import Node, Tree

Habit = Literal[
    "new",  # nothing was known of this thread
    "adopted",  # the same, but the client brings a history
    "thin",  # only new messages; everything before them is ours to put back
    "continued",  # the whole path is resent, then something new
    "window",  # the newest part of the path is resent, then something new
    "retry",  # nothing new: the last question again
    "rewound",  # the path up to a point, then something else: an edit or a regeneration
    "rebased",  # the client rewrote its history
]

TIP: Final = "tip"
"""The end of the path, whatever its name."""

_WINDOW_MARGIN = 64  # nodes beyond the request's own length in which an edited window is sought


@dataclass(frozen=True, slots=True)
class Step:
    """One of the client's messages and its place."""

    item: Item  # as the client sent it now
    chain: str
    known: bool  # this very message already stands at this very place
    same_as: str = ""  # it is not at this place yet, but its bytes are known from another


@dataclass(frozen=True, slots=True)
class Alignment:
    """The client's messages, each at its place on the tree."""

    habit: Habit
    base: str  # what the client's first message follows; the path up to here is what it left out
    steps: tuple[Step, ...]
    tip: str  # where the thread ended before

    @property
    def end(self) -> str:
        """Where the path ends now."""
        return self.steps[-1].chain if self.steps else self.base

    @property
    def turns_off(self) -> str | None:
        """The message after which the path leaves the old one, or None if it only grows.

        A request that says nothing (a prewarm) moves nothing.
        """
        if not self.steps:
            return None
        at = self.base
        for step in self.steps:
            if not step.known:
                break
            at = step.chain
        return None if at == self.tip else at


def align(
    tree: Tree,
    thread: str,
    items: Sequence[Item],
    *,
    owns_history: bool = False,
    exhausted: bool = False,
    follows: str | None = None,
) -> Alignment | None:
    """Lays a request's messages against a thread. None: more of the log must be read first.

    `owns_history` says that the client keeps its own conversation and always sends all of it, so
    nothing is ever put back in front. `exhausted` says that no more of the log will be read.
    `follows` is the place that the API says its messages follow, whatever they are: one by its
    name, or TIP.
    """
    whole = tree.whole or exhausted
    tip = tree.tips.get(thread)
    if follows is not None and follows != TIP:
        return _after(tree, tip or ROOT, items, follows, whole=whole)
    if tip is None:
        return _start(tree, items) if whole else None
    if tip != ROOT and not whole and not tree.stands(tip):
        return None  # named by the outcome of a turn; what follows it is not read yet
    if follows or (not owns_history and not any(item.role == "assistant" for item in items)):
        return _thin(tree, tip, items, whole=whole)
    return _resent(tree, tip, items, owns_history=owns_history, whole=whole)


def said_again(
    tree: Tree, thread: str, items: Sequence[Item], *, exhausted: bool = False
) -> int | None:
    """How many of the messages repeat the unfinished turn, in front of results of its calls.

    Of a conversation object the AI SDK 7 leaves out what has an id there, and says again what it
    said itself: its question, and what earlier calls found. None: more of the log must be read.
    """
    if not any(item.answers for item in items):
        return 0
    turn = _last_turn(tree, tree.tips.get(thread, ROOT), whole=tree.whole or exhausted)
    if turn is None:
        return None
    told = [node.item.identity for node in turn if node.item.role != "assistant"]
    sent = [item.identity for item in items]
    if not told or sent[: len(told)] != told:
        return 0
    waiting = {call for node in turn for call in node.item.calls}
    waiting -= {answer for node in turn for answer in node.item.answers}
    if any(waiting.intersection(item.answers) for item in items[len(told) :]):
        return len(told)
    newest = next((n for n, node in enumerate(reversed(turn)) if node.item.role == "assistant"), 0)
    return len(told) - newest if newest and sent == told else 0  # asked again, without an answer


def _last_turn(tree: Tree, tip: str, *, whole: bool) -> list[Node] | None:
    """The path from the newest question on; None if it is not read so far."""
    turn: list[Node] = []
    if not whole and tip not in tree.nodes:
        return None
    for node in tree.back_from(tip):
        asked = bool(turn) and turn[-1].item.role != "assistant" and not turn[-1].item.answers
        if asked and node.item.role == "assistant":
            break
        turn.append(node)
        if not whole and node.parent != ROOT and node.parent not in tree.nodes:
            return None
    turn.reverse()
    return turn


def _after(
    tree: Tree, tip: str, items: Sequence[Item], after: str, *, whole: bool
) -> Alignment | None:
    """What the client sends stands where it says, whatever it looks like."""
    if after != ROOT and after not in tree.nodes and not whole:
        return None
    aligned = _follow(tree, tip, items, after, "thin")
    again = bool(items) and all(step.known for step in aligned.steps)
    return replace(aligned, habit="retry") if again else aligned


def _resent(
    tree: Tree, tip: str, items: Sequence[Item], *, owns_history: bool, whole: bool
) -> Alignment | None:
    """A history, or the newest part of one."""
    names = tuple(chains(item.identity for item in items))
    known = _deepest_known(tree, names)
    if tip in names:
        return _from_root(tip, items, names, known)
    if not owns_history:
        if not _has_tail(tree, tip, 2 * len(items) + _WINDOW_MARGIN, whole=whole):
            return None
        if (window := _window_to_tip(tree, tip, items)) is not None:
            return window
    if known == len(names):
        return _from_root(tip, items, names, known)
    if known:
        return _rebase(tree, tip, items, (ROOT, known), whole=whole)
    if not whole:
        return None
    place = (ROOT, 0) if owns_history else _edited_window(tree, tip, items) or (ROOT, 0)
    return _rebase(tree, tip, items, place, whole=whole)


def _start(tree: Tree, items: Sequence[Item]) -> Alignment:
    """A thread nothing is known of; its messages may still stand on another thread's path."""
    names = tuple(chains(item.identity for item in items))
    known = _deepest_known(tree, names)
    steps = tuple(
        Step(item, name, known=n < known)
        for n, (item, name) in enumerate(zip(items, names, strict=True))
    )
    brings_history = any(item.role == "assistant" for item in items)
    return Alignment("adopted" if brings_history else "new", ROOT, steps, ROOT)


def _deepest_known(tree: Tree, names: Sequence[str]) -> int:
    """How many of the names are known. A child is newer than its parent: the last one decides."""
    return next((n for n in range(len(names), 0, -1) if tree.stands(names[n - 1])), 0)


def _thin(tree: Tree, tip: str, items: Sequence[Item], *, whole: bool) -> Alignment | None:
    if tip not in tree.nodes and not whole:
        return None  # also for the root: what stands after it may be anywhere
    asked: list[Node] = []  # the unanswered questions at the end of the path, newest first
    cut_off = False
    for node in tree.back_from(tip):
        if node.item.role == "assistant":
            if not node.cut or asked:
                break
            cut_off = True
        else:
            asked.append(node)
        if node.parent != ROOT and node.parent not in tree.nodes and not whole:
            return None
    asked.reverse()
    sent = [item.identity for item in items]
    before = [node.item.identity for node in asked]
    if asked and sent == before[-len(sent) :]:
        return _follow(tree, tip, items, asked[-len(sent)].parent, "retry")
    if asked and not cut_off and sent[: len(before)] == before:
        return _follow(tree, tip, items, asked[0].parent, "thin")
    aligned = _follow(tree, tip, items, tip, "thin")
    # Everything stands there already and has no answer: the turn had failed and is asked again.
    again = all(step.known for step in aligned.steps)
    return Alignment("retry", tip, aligned.steps, tip) if again else aligned


def _follow(tree: Tree, tip: str, items: Sequence[Item], base: str, habit: Habit) -> Alignment:
    steps: list[Step] = []
    at = base
    for item in items:
        at = chain(at, item.identity)
        steps.append(Step(item, at, known=tree.stands(at)))
    return Alignment(habit, base, tuple(steps), tip)


def _from_root(tip: str, items: Sequence[Item], names: Sequence[str], known: int) -> Alignment:
    """The client's messages stand where it says, up to the tip or somewhere before it."""
    habit: Habit = "continued"
    if known == len(names):
        habit = "retry" if tip in names else "rewound"
    steps = tuple(
        Step(item, name, known=n < known)
        for n, (item, name) in enumerate(zip(items, names, strict=True))
    )
    return Alignment(habit, ROOT, steps, tip)


def _rebase(
    tree: Tree, tip: str, items: Sequence[Item], place: tuple[str, int], *, whole: bool
) -> Alignment | None:
    """The client's version leaves the path; known bytes are found again on what it leaves.

    `place` is what its first message follows, and how many of its messages still stand there.
    """
    base, known = place
    names = tuple(chains((item.identity for item in items), parent=base))
    known = max(known, _deepest_known(tree, names))
    left = _path_after(tree, tip, names[:known], whole=whole)
    if left is None:
        return None
    moved = _moved(left, items, known)
    steps = tuple(
        Step(item, name, known=n < known, same_as=moved.get(n, ""))
        for n, (item, name) in enumerate(zip(items, names, strict=True))
    )
    habit: Habit = "rebased" if moved or not known else "rewound"
    return Alignment(habit, base, steps, tip)


def _path_after(
    tree: Tree, tip: str, shared: Sequence[str], *, whole: bool
) -> Sequence[Node] | None:
    """The path after the last of the shared places; None if it is not read so far."""
    ends = {ROOT, *shared}
    path: list[Node] = []
    at = tip
    while at not in ends:
        node = tree.nodes.get(at)
        if node is None:
            if whole:
                break
            return None
        path.append(node)
        at = node.parent
    path.reverse()
    return path


def _moved(path: Sequence[Node], items: Sequence[Item], known: int) -> dict[int, str]:
    """Which of the items stand on the path, in its order, sought from the newest."""
    seats: dict[str, list[int]] = {}
    for n, node in enumerate(path):
        seats.setdefault(node.item.identity, []).append(n)
    behind = len(path)
    moved: dict[int, str] = {}
    for n in range(len(items) - 1, known - 1, -1):
        candidates = seats.get(items[n].identity, [])
        seat = bisect_left(candidates, behind) - 1
        if seat >= 0:
            behind = candidates[seat]
            moved[n] = path[behind].chain
    return moved


def _has_tail(tree: Tree, tip: str, length: int, *, whole: bool) -> bool:
    if whole or tip == ROOT:
        return True
    for n, node in enumerate(tree.back_from(tip), start=1):
        if n >= length or node.parent == ROOT:
            return True
    return False


def _tail(tree: Tree, tip: str, length: int) -> list[Node]:
    tail = list(islice(tree.back_from(tip), length))
    tail.reverse()
    return tail


def _window_to_tip(tree: Tree, tip: str, items: Sequence[Item]) -> Alignment | None:
    """The longest S[k:] == I[:n] that holds an answer: the client resends a window of the path."""
    tail = _tail(tree, tip, len(items))
    runs = _runs([item.identity for item in items], [node.item.identity for node in tail])
    for start, run in enumerate(runs):
        if run == len(tail) - start:
            if any(node.item.role == "assistant" for node in tail[start:]):
                return _follow(tree, tip, items, tail[start].parent, "window")
            break
    return None


def _edited_window(tree: Tree, tip: str, items: Sequence[Item]) -> tuple[str, int] | None:
    """A window of the path that leaves it before the tip: an edit by a client that trims."""
    tail = _tail(tree, tip, 2 * len(items) + _WINDOW_MARGIN)
    runs = _runs([item.identity for item in items], [node.item.identity for node in tail])
    longest = max(runs, default=0)
    # One message in common, or questions without an answer, are not enough to tell a window.
    if longest < 2 or not any(item.role == "assistant" for item in items[:longest]):
        return None
    newest = len(runs) - 1 - runs[::-1].index(longest)
    return tail[newest].parent, longest


def _runs(pattern: Sequence[str], text: Sequence[str]) -> list[int]:
    """For each place in `text`, how much of `pattern` begins there (the Z-function, linear)."""
    line: list[str | None] = [*pattern, None, *text]
    z = [0] * len(line)
    left = right = 0
    for n in range(1, len(line)):
        if n < right:
            z[n] = min(right - n, z[n - left])
        while n + z[n] < len(line) and line[z[n]] is not None and line[z[n]] == line[n + z[n]]:
            z[n] += 1
        if n + z[n] > right:
            left, right = n, n + z[n]
    return z[len(pattern) + 1 :]
