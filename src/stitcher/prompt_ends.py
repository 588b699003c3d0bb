"""The ends of a prompt that matter to a provider's cache: where it writes, where it finds. Pure.

Which these are depends on the scheme of its rules (`providers.rules.Scheme`). Ends of no use to
the next request are left out, but for the prompt's own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stitcher.core.layout import Piece
from stitcher.core.ledger import End
from stitcher.core.tokens import Calibration, estimate
from stitcher.prefixes import NAMED, Head, Names
from stitcher.providers.caching import CacheRules
from stitcher.providers.rules import Lookup

# What stands before the messages is far from them, whatever the look-back.
_BEFORE: Final = -1_000_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it will be sent."""

    head: Head
    pieces: Sequence[Piece]
    window: str  # chain of the message its window begins with; "" where it was never cut
    dialect: str
    # Seconds that a breakpoint asks for which stands on no message by name: one of the client's for
    # the whole request, or one that the provider sets by itself where the client lets it.
    automatic: int = 0
    head_marked: int = 0  # seconds that a breakpoint of ours at the head's end asks for
    held_above: int = 0  # tokens that the provider itself puts before the pieces
    tokens: int = 0  # of all that the provider reads, before calibration


def ends_of(
    sent: Outgoing,
    rules: CacheRules,
    names: Names,
    known: Mapping[str, int | None],
    calibration: Calibration,
) -> tuple[End, ...]:
    """The ends in the prompt's order.

    `known` are the keys of what the provider holds, with the tokens that it has counted itself.
    """
    ends = _ends(sent, rules, names, known)
    exact: list[int] = []
    estimated, counted = 0, 0  # at the last end whose tokens the provider itself has counted
    for end in ends:
        tokens = known.get(end.key)
        if tokens is None:
            tokens = counted + calibration.apply(end.tokens - estimated)
        else:
            estimated, counted = end.tokens, tokens
        exact.append(tokens)
    most = exact[-1] if exact else 0
    for n in range(len(ends) - 1, -1, -1):
        end = ends[n]
        most = min(most, exact[n])  # no estimate is more than what is counted later
        if end.tokens != most:
            ends[n] = End(end.key, most, end.position, end.lifetime, end.readable)
    return tuple(ends)


def _ends(sent: Outgoing, rules: CacheRules, names: Names, known: Collection[str]) -> list[End]:
    if rules.scheme == "boundaries" and rules.lookup is not None:
        return _at_boundaries(sent, rules, rules.lookup, names, known)
    messages = _message_ends(sent, rules, names.context, known)
    if rules.scheme == "units":  # the head is none by itself
        return messages
    return [*_head_ends(sent, rules, names), *messages]


def _head_ends(sent: Outgoing, rules: CacheRules, names: Names) -> Iterator[End]:
    head, own = sent.head, _own_lifetime(rules)
    upto = sent.held_above
    if head.tools:
        size = min(head.tokens, estimate(head.tools.size, sent.dialect))
        asked = own or sent.head_marked or head.tools.lifetime
        yield End(names.tools, upto + size, _BEFORE - 1, asked)
    if head.system or head.tools:
        yield End(names.system, upto + head.tokens, _BEFORE, own or _head_mark(sent))


def _message_ends(
    sent: Outgoing, rules: CacheRules, context: str, known: Collection[str]
) -> list[End]:
    """The ends that are marked, those held from earlier, and the last; in the prompt's order.

    Of what is put back, marks before all that is held were written by an earlier request, if ever.
    """
    wanted = {key[:NAMED] for key in known if key[NAMED:] == context}
    goes_on = bool(wanted)
    own = _own_lifetime(rules)
    total = sent.tokens
    found: list[End] = []
    position = 0
    last = True
    reach = rules.lookback + (sent.pieces[-1].item.positions if sent.pieces else 0)
    for piece in reversed(sent.pieces):
        name = piece.chain[:NAMED]
        lifetime = piece.marked_for if piece.ours else _marked(piece)
        if last:
            lifetime = own or lifetime or sent.automatic
        if lifetime or last or name in wanted:
            found.append(End(name + context, total, position, lifetime))
            wanted.discard(name)
            reach = max(reach, rules.lookback - position) if lifetime else reach
        if not wanted and ((goes_on and piece.ours) or -position > reach):
            break
        last = False
        total -= piece.tokens
        position -= piece.item.positions
    found.reverse()
    return found


def _own_lifetime(rules: CacheRules) -> int:
    """Seconds that a provider keeps what it writes by itself; 0 where it must be told to."""
    return rules.lifetimes[0].seconds if rules.implicit else 0


def _head_mark(sent: Outgoing) -> int:
    """Seconds that the breakpoint at the end of a head asks for, whoever has set it; 0 for none."""
    return sent.head_marked or sent.head.system.lifetime


def _marked(piece: Piece) -> int:
    """Seconds that the breakpoint of one of the client's asks for as it goes out; 0 for none."""
    if piece.marked_by is not None:
        return piece.marked_by.kept_for or piece.marked_for
    return piece.marked_for or piece.item.kept_for


# ── boundaries ───────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Boundaries:
    """Tells, of ends met from a prompt's last to its first, where it is written and looked for.

    OpenAI, "Prompt caching", 2026-09-23: written are the latest explicit breakpoints, and the end
    of the latest message of a user or of tools, unless the mode is `explicit`. Looked for are the
    latest explicit ones, and in implicit mode the ends of so many such messages.
    """

    rules: CacheRules
    lookup: Lookup
    implicit: int  # seconds that the implicit breakpoint asks for; 0 in explicit mode
    explicit_met: int = 0
    requests_met: int = 0  # ends of messages that could end a request

    def meet(self, asked: int, *, ends_request: bool) -> tuple[int, bool]:
        """Seconds that it is written for, and whether it is looked for."""
        lifetime, readable = 0, False
        if asked:
            # The latest 3 beside the implicit one; 4 without it.
            written = self.explicit_met < self.rules.explicit + (0 if self.implicit else 1)
            lifetime = asked if written else 0
            readable = self.explicit_met < self.lookup.latest
            self.explicit_met += 1
        if ends_request:
            if self.implicit:
                lifetime = lifetime or (0 if self.requests_met else self.implicit)
                readable = readable or not self.passed
            self.requests_met += 1
        return lifetime, readable

    @property
    def passed(self) -> bool:
        """True where no message's end is looked for any more, unless it is marked."""
        return self.requests_met > self.lookup.message_ends


def _at_boundaries(
    sent: Outgoing, rules: CacheRules, lookup: Lookup, names: Names, known: Collection[str]
) -> list[End]:
    """The ends that are written, those held from earlier, and the last; in the prompt's order."""
    wanted = {key[:NAMED] for key in known if key[NAMED:] == names.context}
    goes_on = bool(wanted)
    boundaries = _Boundaries(rules, lookup, sent.automatic)
    found: list[End] = []
    total = sent.tokens
    following = ""
    for piece in reversed(sent.pieces):
        role, name, asked = piece.item.role, piece.chain[:NAMED], _explicit(piece)
        ends_request = role == "user" or (role == "tool" and following != "tool")
        lifetime, readable = 0, False
        if asked or ends_request:
            lifetime, readable = boundaries.meet(asked, ends_request=ends_request)
        if lifetime or not following or name in wanted:
            found.append(End(name + names.context, total, 0, lifetime, readable))
            wanted.discard(name)
        if not wanted and ((goes_on and piece.ours) or boundaries.passed):
            break  # what is marked further back was written before, if ever
        total -= piece.tokens
        following = role
    if sent.head.system:
        lifetime, readable = boundaries.meet(_head_mark(sent), ends_request=True)
        readable = readable or bool(sent.automatic and lookup.opening)
        found.append(End(names.system, sent.held_above + sent.head.tokens, 0, lifetime, readable))
    found.reverse()
    return found


def _explicit(piece: Piece) -> int:
    """Seconds that an explicit breakpoint asks for: what is put back keeps those it was sent with.

    0 for none.
    """
    if piece.repeats:
        return 0
    return piece.item.kept_for or (piece.marked_by.kept_for if piece.marked_by else 0)
