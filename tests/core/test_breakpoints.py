"""Which ends of a prompt are marked for the provider's cache."""

from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.breakpoints import Place, chosen

TAIL, HISTORY, SYSTEM, TOOLS = (
    Place(3, 60, 9_000),
    Place(2, 30, 6_000),
    Place(1, 5, 2_000),
    Place(0, 4, 1_000),
)
ALL = [TAIL, HISTORY, SYSTEM, TOOLS]


def test_all_that_are_wanted_in_the_prompts_order() -> None:
    assert chosen(ALL, free=4, lookback=20) == (0, 1, 2, 3)


def test_the_least_wanted_go_where_the_caller_has_taken_some() -> None:
    assert chosen(ALL, free=2, lookback=20) == (2, 3)
    assert chosen(ALL, free=0, lookback=20) == ()
    assert chosen(ALL, free=-1, lookback=20) == ()


def test_what_is_too_short_to_be_cached_takes_no_place() -> None:
    assert chosen(ALL, free=2, lookback=20, minimum=7_000) == (3,)
    assert chosen(ALL, free=4, lookback=20, minimum=2_000) == (1, 2, 3)


def test_two_ends_at_one_position_are_one() -> None:
    assert chosen([TAIL, Place(7, 60, 9_000), HISTORY], free=4, lookback=20) == (2, 3)


def test_an_entry_within_the_look_back_needs_no_mark() -> None:
    near = Place(9, 41, 7_000)  # 60 down to 41 are twenty positions, the mark's own the first
    assert chosen([TAIL], written=near, free=4, lookback=20) == (3,)


def test_an_entry_beyond_it_is_marked_itself_and_the_least_wanted_goes() -> None:
    far = Place(9, 40, 7_000)
    assert chosen(ALL, written=far, free=4, lookback=20) == (1, 2, 9, 3)
    assert chosen(ALL, written=far, free=2, lookback=20) == (9, 3)
    assert chosen(ALL, written=far, free=1, lookback=20) == (3,), "what comes now comes first"


PLACE = st.builds(
    Place, st.integers(0, 999), position=st.integers(0, 80), tokens=st.integers(0, 9_000)
)


@given(
    wanted=st.lists(PLACE, max_size=6),
    written=st.none() | PLACE,
    free=st.integers(-1, 5),
    minimum=st.sampled_from([0, 1_024, 4_096]),
)
def test_never_more_than_are_free_and_none_too_short(
    wanted: list[Place], written: Place | None, free: int, minimum: int
) -> None:
    marked = chosen(wanted, written=written, free=free, lookback=20, minimum=minimum)
    assert len(marked) <= max(0, free)
    every = [*wanted, *([written] if written else [])]
    assert all(any(p.index == n and p.tokens >= minimum for p in every) for n in marked)
