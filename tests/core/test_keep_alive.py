"""When a prompt's beginning is read again so that it is not forgotten, and when no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.core.keep_alive import Spending, Stake, at_stake, due, expires
from stitcher.core.ledger import Held

USD = st.floats(1e-6, 100)


def held(tokens: int, lifetime: int, used: float = 0.0) -> Held:
    return Held(f"{tokens}/{lifetime}", tokens, lifetime, used, used)


@pytest.mark.parametrize(
    ("read", "write", "most"),
    [
        (0.1, 1.25, 11),  # Claude up to Opus 5
        (0.05, 1.25, 24),  # Opus 5.5
        (0.025, 1.25, 49),  # Fable 5.1
        (0.1, 2.0, 19),  # written for an hour
        (1.0, 1.25, 0),
    ],
)
def test_as_many_pings_pay_as_make_a_rewrite(read: float, write: float, most: int) -> None:
    assert pings(Stake(ping=read, rewrite=write - read)) == most


def pings(stake: Stake, *, until: int = 1_000) -> int:
    """How many are sent in one gap."""
    spent, sent = 0.0, 0
    while sent < until and stake.pays(spent):
        spent, sent = spent + stake.ping, sent + 1
    return sent


@given(ping=USD, rewrite=USD)
def test_a_gap_never_costs_more_than_one_rewrite(ping: float, rewrite: float) -> None:
    spent = pings(Stake(ping, rewrite)) * ping
    assert spent <= rewrite * (1 + 1e-6)
    if rewrite / ping < 999:
        assert spent + ping > rewrite * (1 - 1e-6), "and it goes on for as long as that"


@given(ping=USD, rewrite=USD, silence=st.integers(0, 300))
def test_never_costs_twice_what_knowing_the_future_would(
    ping: float, rewrite: float, silence: int
) -> None:
    """`silence` is how many pings the gap would have taken."""
    sent = pings(Stake(ping, rewrite), until=silence)
    paid = sent * ping + (rewrite if silence > sent else 0)
    best = min(silence * ping, rewrite)
    assert paid <= 2 * best * (1 + 1e-6)


def test_what_costs_nothing_to_write_again_is_not_kept() -> None:
    assert not Stake(ping=0.1, rewrite=0.0).pays(0.0)
    assert not Stake(ping=0.0, rewrite=0.0).pays(0.0)


@given(lifetime=st.integers(60, 100_000), used=st.floats(0, 4e9))
def test_it_is_read_before_it_expires_and_not_much_before(lifetime: int, used: float) -> None:
    entry = held(1, lifetime, used)
    left = expires(entry) - due(entry)
    assert 0 < left <= lifetime / 10 + 1e-3
    assert left <= 60 + 1e-3


def test_five_minutes_are_renewed_after_four_and_a_half() -> None:
    assert due(held(1, 300, used=1_000.0)) == 1_270.0
    assert due(held(1, 3_600, used=1_000.0)) == 4_540.0


def test_what_lives_longer_is_not_at_stake() -> None:
    assert at_stake(()) == 0
    assert at_stake((held(9_000, 300), held(8_000, 300))) == 9_000
    assert at_stake((held(9_000, 300), held(5_000, 3_600))) == 4_000
    assert at_stake((held(9_000, 3_600), held(5_000, 3_600))) == 9_000
    assert at_stake((held(4_000, 300), held(5_000, 3_600))) == 0


DAY = 86_400.0


def test_a_day_s_money_is_a_day_s() -> None:
    spent = Spending().at(10.0).plus(0.25, pings=1).plus(-0.05)
    assert (spent.pings, round(spent.usd, 9)) == (1, 0.2)
    assert spent.at(DAY - 1) == spent
    assert spent.at(DAY) == Spending(1, 0, 0.0)


@given(st.lists(st.tuples(st.floats(0, 3 * DAY), st.floats(0.001, 0.4)), max_size=40))
def test_no_more_is_spent_in_a_day_than_it_may_cost(pings: list[tuple[float, float]]) -> None:
    spending, days = Spending(), dict.fromkeys(range(4), 0.0)
    for now, usd in sorted(pings):
        spending = spending.at(now)
        if spending.affords(usd, limit=1.0):
            spending = spending.plus(usd, pings=1)
            days[int(now // DAY)] += usd
    assert max(days.values()) <= 1.0 + 1e-9
