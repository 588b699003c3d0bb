from stitcher.simulator.reading import Mark
from stitcher.simulator.timed_entries import Entries


def test_an_entry_is_seen_from_its_answer_on_and_counts_from_its_request() -> None:
    entries = Entries()
    entries.write("me", Mark(b"h", 300), start=0, now=50)
    seen = [entries.live("me", b"h", now) is not None for now in (49, 50, 299, 300)]
    assert seen == [False, True, True, False]
    assert entries.live("you", b"h", 60) is None


def test_writing_again_prolongs_and_never_shortens() -> None:
    entries = Entries()
    entries.write("me", Mark(b"h", 3600), start=0, now=0)
    entries.write("me", Mark(b"h", 300), start=100, now=100)
    assert entries.live("me", b"h", 3699) is not None
    assert entries.live("me", b"h", 3700) is None


def test_what_has_expired_is_swept_out_and_the_rest_stays() -> None:
    entries = Entries()
    entries.write("me", Mark(b"stays", 10_000), start=0, now=0)
    for number in range(5000):
        entries.write("me", Mark(b"%d" % number, 1), start=number, now=number)
    assert entries.live("me", b"stays", 5000) is not None
    assert len(entries._entries) < 1000
