"""Going on after any place of a history: what is new is written, what is there is named."""

from stitcher.core.item import ROOT, Item, chain
from stitcher.core.log import Entry, Message, Node, Rebased, Rewound, Settled, Tree
from stitcher.recording import place_of
from stitcher.responses_api.continuation import continued
from stitcher.wire.dialects import read_item


def item(text: str, item_id: str = "") -> Item:
    named = f'"id":"{item_id}",' if item_id else ""
    return read_item("openai_responses", f'{{{named}"role":"user","content":"{text}"}}'.encode())


class Writing:
    """A log that is whole, and grows by what goes on."""

    def __init__(self) -> None:
        self.tree = Tree(whole=True)

    def go_on(self, after: str, *following: Item | Node) -> list[Entry]:
        place = place_of(after, self.tree.nodes.get(after))
        entries = continued(self.tree, place, following, thread="main", now=1.0)
        for entry in (Rebased("main", 1.0, after), *entries):
            self.tree.append(entry)
        return entries

    @property
    def tip(self) -> str:
        return self.tree.tips["main"]

    @property
    def path(self) -> list[Node]:
        return self.tree.path(self.tip)

    @property
    def said(self) -> list[str]:
        return [node.item.raw.decode().split('"content":')[1][1:-2] for node in self.path]


def test_new_messages_follow_each_other() -> None:
    log = Writing()
    first, second = log.go_on(ROOT, item("a"), item("b"))
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.parent, second.parent) == (ROOT, first.chain)
    assert second.chain == chain(first.chain, item("b").identity)
    assert (second.depth, second.upto) == (2, item("a").tokens + item("b").tokens)
    log.go_on(log.tip, item("c"))
    assert log.said == ["a", "b", "c"]
    assert [node.depth for node in log.path] == [1, 2, 3]


def test_what_stands_there_is_not_written_again() -> None:
    log = Writing()
    log.go_on(ROOT, item("a"), item("b"))
    tip = log.tip
    log.go_on(ROOT)
    assert log.said == []
    assert log.go_on(ROOT, item("a"), item("b")) == [Rewound("main", 1.0, tip)]
    assert log.said == ["a", "b"]


def test_its_newest_bytes_are_what_is_shown() -> None:
    log = Writing()
    log.go_on(ROOT, item("a"), item("b", "msg_1"))
    again = item("b", "msg_2")
    assert log.go_on(ROOT, item("a"), again) == [
        Settled("main", 1.0, log.tip, again),
        Rewound("main", 1.0, log.tip),
    ]
    assert b"msg_2" in log.path[1].item.raw


def test_a_message_that_is_moved_is_named() -> None:
    log = Writing()
    log.go_on(ROOT, item("a"), item("b"), item("c"))
    (moved,) = log.go_on(log.path[0].chain, log.path[2])
    assert isinstance(moved, Message)
    assert moved.item is None
    assert moved.same_as == chain(
        chain(chain(ROOT, item("a").identity), item("b").identity), item("c").identity
    )
    assert log.said == ["a", "c"]


def test_after_what_stands_there_something_new_is_written() -> None:
    log = Writing()
    log.go_on(ROOT, item("a"), item("b"))
    entries = log.go_on(ROOT, item("a"), item("c"))
    assert [type(entry) for entry in entries] == [Message]
    assert log.said == ["a", "c"]
