"""Which of the history is sent: what is put back, and where the window is cut. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from stitcher.core.align import Alignment, Step
from stitcher.core.compaction import (
    Budget,
    Load,
    Sized,
    Why,
    cut,
    repeats,
    reserve_for,
    why_cut,
)
from stitcher.core.economics import Prices
from stitcher.core.item import ROOT
from stitcher.core.ledger import NOTHING_KNOWN, CacheState
from stitcher.core.log import Compacted, Node, Tree, Turn
from stitcher.lending import Lent
from stitcher.prefixes import Head, context_of, is_of, part_of, parts_of, settings_of
from stitcher.providers.caching import CacheRules, cache_rules
from stitcher.providers.models import context_window
from stitcher.repeats import near_identical, read
from stitcher.terms import Terms
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect
from stitcher.wire.dialects import DIALECTS

_GONE: Final = 12
"""Lifetimes after which nothing is left, of providers that promise a least one only.

OpenAI, "Prompt caching", 2026-09-23: five to ten minutes, and an hour at most.
"""


@dataclass(frozen=True)
class Case:
    """A request laid against its thread: what the decisions below are made from."""

    tree: Tree
    call: Call
    dialect: Dialect
    terms: Terms
    alignment: Alignment
    lent: Lent

    @cached_property
    def budget(self) -> Budget:
        """What the window may be, beside the head and the answer."""
        terms = self.terms
        return Budget(
            limit=terms.max_tokens,
            keep=terms.keep,
            head=terms.calibration.apply(self.call.head_tokens + self.lent.tokens),
            reserve=reserve_for(self.call.answer_tokens, terms.max_tokens),
        )

    def tokens(self, path: Sequence[Node], steps: Sequence[Step] = ()) -> int:
        """Calibrated tokens of a stretch of the path and of the client's messages."""
        own = sum(step.item.tokens for step in steps)
        before = path[0].upto - path[0].item.tokens if path else 0
        above = path[-1].upto - before if path else 0
        return self.terms.calibration.apply(above) + self.terms.calibration.apply(own)

    @cached_property
    def window(self) -> Compacted | None:
        """The last cut of the thread."""
        return self.tree.windows.get(self.terms.thread)

    @cached_property
    def widest(self) -> Budget:
        """What the model takes bounds what the client sent; the budget, what we make of it."""
        known = context_window(self.call.model) or 0
        own = self.budget
        return Budget(max(own.limit, known), own.keep, own.head, own.reserve)

    @cached_property
    def forgets(self) -> bool:
        """True where reasoning that an id names was refused before, in this thread."""
        turn = self.tree.turns.get(self.terms.thread)
        return turn is not None and turn.forgets and turn.model == self.call.model

    @cached_property
    def rules(self) -> CacheRules:
        """How the model's prompt cache works."""
        return cache_rules(self.call.model)

    @cached_property
    def last(self) -> Turn | None:
        """The thread's newest turn."""
        return self.tree.turns.get(self.terms.thread)

    @cached_property
    def state(self) -> CacheState:
        """What that turn says of the cache."""
        return self.last.cache if self.last else NOTHING_KNOWN

    @cached_property
    def cold(self) -> bool:
        """True when the provider holds nothing any more that this request could begin with.

        Asked the careful way round: a cut that is made for nothing must not cost anything. Where
        nothing was ever written, as the prompt is too short for it, nothing has grown cold.
        """
        head, state, last, now = self.head, self.state, self.last, self.terms.now
        # All but those that are gone for certain.
        lives = 1 if self.rules.counted_from == "request start" else _GONE
        living = [held for held in state.held if now < held.used + held.lifetime * lives]
        if last is None or not living:
            return bool(state.held)
        if (last.model, state.tools, state.system, state.settings) == (head.model, *parts_of(head)):
            return False
        # What was said under another head may be gone back to: then it is still there.
        context = context_of(head, self.call.dialect, self.window.start if self.window else "")
        return not any(is_of(held, context) for held in living)

    @cached_property
    def head(self) -> Head:
        """What will stand before the messages."""
        return Head(
            model=self.call.model,
            tools=part_of(self.call.tools or self.lent.tools),
            system=part_of(self.call.system or self.lent.system),
            settings=settings_of(self.call),
            tokens=self.call.head_tokens + self.lent.tokens,
        )

    @property
    def own_room(self) -> int:
        """Tokens of messages the client may send itself before any are cut."""
        return self.widest.room


@dataclass(frozen=True, slots=True)
class Kept:
    """What of the path and of the client's messages is sent."""

    path: Sequence[Node]  # put back
    steps: Sequence[Step]  # the client's own
    cut: Compacted | None = None  # made now
    why: Why | None = None  # the reason for it


def left_out(case: Case) -> Sequence[Node] | None:
    """The path the client left out, from the window's start on; no more of it than could fit."""
    base, terms = case.alignment.base, case.terms
    if (terms.owns_history and not terms.placed) or terms.held or base == ROOT:
        return ()
    if any(step.item.compacts for step in case.alignment.steps):
        return ()
    path: list[Node] = []
    enough = terms.exhausted or case.tree.whole
    tokens, far = 0, 2 * case.own_room
    window = case.window.start if case.window else None
    for node in case.tree.back_from(base):
        path.append(node)
        tokens += node.item.tokens
        # A compaction item stands for all that was before it, in the API that made it.
        compacts = node.item.compacts and node.item.dialect == case.call.dialect
        at_start = node.chain == window
        # Twice what could be sent: a cut is due for certain, and the turn it falls on is at hand.
        plenty = node.item.starts_turn and terms.calibration.apply(tokens) > far
        if node.parent == ROOT or compacts or (terms.may_cut and (at_start or plenty)):
            enough = True
            break
    path.reverse()
    return path if enough else None


def keep(case: Case, path: Sequence[Node]) -> Kept:
    """Decides whether the window is cut now, and where."""
    steps = _since_own_cut(case)
    if not case.terms.may_cut:
        return Kept(path, steps)
    budget = case.budget
    own = case.tokens((), steps)
    overflows = own > budget.room and own > case.own_room
    spoken = [step.item for step in steps if step.item.role != "system"]
    in_tool_loop = bool(spoken) and not spoken[-1].starts_turn
    # Inside a tool loop the prefix stays as it is for as long as the model can take it.
    least = in_tool_loop or case.terms.cut == "never"
    load = Load(
        tokens=case.tokens(path) + own,
        requests=case.state.requests,
        held=case.state.carried,
        cold=case.cold,
        in_tool_loop=in_tool_loop,
    )
    prices = Prices(case.rules.read, case.rules.write)
    why = why_cut(load, case.widest if least else budget, prices, case.terms.cut)
    if not overflows and not (path and why):
        return Kept(path, steps)
    apply = case.terms.calibration.apply
    sizes = [Sized(apply(node.item.tokens), node.item.starts_turn) for node in path]
    sizes += [Sized(apply(step.item.tokens), step.item.starts_turn) for step in steps]
    start = cut(sizes, case.widest) if overflows else min(cut(sizes, budget), len(path))
    if start == 0 and (why != "full" or _begins_the_window(case, path, steps)):
        return Kept(path, steps)  # one turn, too large: there is nothing to leave out
    kept_path, kept_steps = path[start:], steps[max(0, start - len(path)) :]
    made = Compacted(
        thread=case.terms.thread,
        time=case.terms.now,
        start=kept_path[0].chain if kept_path else kept_steps[0].chain,
        at=case.alignment.base,
        stubs=_stubs(kept_path),
    )
    return Kept(kept_path, kept_steps, made, why or "full")


def _begins_the_window(case: Case, path: Sequence[Node], steps: Sequence[Step]) -> bool:
    first = path[0].chain if path else steps[0].chain
    if case.window is not None and case.window.start == first:
        return True
    return path[0].parent == ROOT if path else case.alignment.base == ROOT


def _since_own_cut(case: Case) -> Sequence[Step]:
    """The client's own messages, without those an earlier cut of them left out."""
    steps, window = case.alignment.steps, case.window
    # A cut made while the client sent everything itself was one of its own messages.
    if window is None or not case.terms.may_cut or window.at != ROOT:
        return steps
    start = next((n for n, step in enumerate(steps) if step.chain == window.start), 0)
    return steps[start:] if case.alignment.base == ROOT else steps


def _stubs(kept: Sequence[Node]) -> tuple[tuple[str, str], ...]:
    replies = []
    for node in kept:
        if node.item.role == "assistant" and not node.item.calls:
            said = DIALECTS[node.item.dialect].text(node.item.raw)
            if said is not None:
                replies.append((node.chain, read(said), node.item.tokens))
    return repeats(replies, near_identical)
