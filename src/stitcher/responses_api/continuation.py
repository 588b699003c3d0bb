"""What is written where a history goes on with given messages, after any place of it. Pure.

A place is written once: what stands there already is named, with new bytes where they differ.
"""

from collections.abc import Sequence

from stitcher.core.item import Item, chain
from stitcher.core.layout import laid_after
from stitcher.core.log import Entry, Message, Node, Rewound, Settled, Tree
from stitcher.recording import Place


def continued(
    tree: Tree, place: Place, following: Sequence[Item | Node], *, thread: str, now: float
) -> list[Entry]:
    """The entries after which the thread's path ends with `following`, right after `place`.

    A node is moved there from elsewhere in the log: its bytes are named, not written again. All
    children of `place` must have been read.
    """
    entries: list[Entry] = []
    stands = False
    for one in following:
        moved = one if isinstance(one, Node) else None
        item = one.item if isinstance(one, Node) else one
        name = chain(place.chain, item.identity)
        known = tree.nodes.get(name)
        stands = known is not None
        if known is None:
            entries.append(
                Message(
                    thread=thread,
                    time=now,
                    chain=name,
                    parent=place.chain,
                    depth=place.depth + 1,
                    upto=place.upto + item.tokens,
                    laid=place.laid,
                    item=None if moved else item,
                    same_as=moved.chain if moved else "",
                    answer=moved is not None and moved.answer,
                    cut=moved is not None and moved.cut,
                    head=moved.head if moved else "",
                )
            )
        elif known.item.raw != item.raw:
            entries.append(Settled(thread, now, name, item))
        place = Place(
            chain=name,
            depth=place.depth + 1,
            upto=place.upto + item.tokens,
            laid=laid_after(place.laid, item.rendering),
        )
    if stands:
        entries.append(Rewound(thread, now, place.chain))
    return entries
