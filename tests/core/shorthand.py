"""Conversations in one line: `said("u hi", "a hello", "u bye")`.

The first letter is the role (u user, a assistant, t tool result, s system), the rest the text. A
text of `call x` or `found x` makes or answers the tool call x.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stitcher.core.item import ROOT, Item, chain, digest
from stitcher.core.layout import laid_after
from stitcher.core.log import Entry, Message, Tree
from stitcher.core.role import Role

ROLES: dict[str, Role] = {"u": "user", "a": "assistant", "t": "tool", "s": "system"}


def item(line: str, *, shows: str = "", tokens: int = 10, thinks: bool = False) -> Item:
    """One message. `shows` makes it render differently without being another message."""
    role, text = ROLES[line[0]], line[2:]
    verb, _, name = text.partition(" ")
    return Item(
        raw=f"{line}{shows}".encode(),
        dialect="test",
        role=role,
        identity=digest(line.encode()),
        rendering=digest(f"{line}/{shows}".encode()),
        calls=(name,) if verb == "call" else (),
        answers=(name,) if verb == "found" else (),
        tokens=tokens,
        thinks=thinks,
    )


def said(*lines: str) -> list[Item]:
    return [item(line) for line in lines]


def names(*lines: str) -> list[str]:
    """The chain after each line."""
    at, found = ROOT, []
    for line in lines:
        at = chain(at, item(line).identity)
        found.append(at)
    return found


def end(*lines: str) -> str:
    """The chain after all lines."""
    return names(*lines)[-1] if lines else ROOT


def messages(
    items: Sequence[Item], *, after: Sequence[Item] = (), thread: str = "main"
) -> Iterator[Message]:
    """The entries of messages that follow others."""
    at, laid, depth, upto = ROOT, "", 0, 0
    for n, one in enumerate([*after, *items]):
        parent, at = at, chain(at, one.identity)
        depth, upto = depth + 1, upto + one.tokens
        if n >= len(after):
            yield Message(
                thread=thread,
                time=float(n),
                chain=at,
                parent=parent,
                depth=depth,
                upto=upto,
                laid=laid,
                item=one,
                answer=one.role == "assistant",
            )
        laid = laid_after(laid, one.rendering)


def tree_of(*entries: Entry, whole: bool = True) -> Tree:
    tree = Tree(whole=whole)
    for entry in entries:
        tree.append(entry)
    return tree


def talked(*lines: str) -> Tree:
    """The tree of a conversation nothing ever happened to."""
    return tree_of(*messages(said(*lines)))


def read_back(entries: Sequence[Entry], newest: int) -> Tree:
    """A tree that has read the newest so many entries only."""
    tree = Tree(whole=newest >= len(entries))
    for entry in list(reversed(entries))[:newest]:
        tree.prepend(entry)
    return tree


@dataclass(frozen=True)
class Measured:
    """A message without a word: who says it, how large it is, what it calls or answers."""

    role: Role
    tokens: int
    calls: tuple[str, ...]
    answers: tuple[str, ...]
    is_item: bool = False

    @property
    def starts_turn(self) -> bool:
        return self.role == "user" and not self.answers


def sized(*lines: str) -> list[Measured]:
    """`u 10` is a user's message of ten tokens, `a 9 x` one that calls x, `t 5 x` its result."""
    made = []
    for line in lines:
        who, tokens, *ids = line.split()
        calls, answers = (ids, []) if who == "a" else ([], ids)
        made.append(Measured(ROLES[who], int(tokens), tuple(calls), tuple(answers)))
    return made
