import math

import pytest

from stitcher.simulator.virtual_clock import VirtualClock, still


def test_time_passes_as_it_does_and_as_it_is_told_to() -> None:
    now = [5.0]
    clock = VirtualClock(lambda: now[0])
    clock.advance(3600)
    now[0] = 6.0
    assert clock() == 3606.0
    clock.advance(0.5)
    assert clock() == 3606.5


def test_a_still_clock_moves_only_when_it_is_told_to() -> None:
    clock = VirtualClock(still)
    assert (clock(), clock()) == (0.0, 0.0)
    clock.advance(1)
    assert clock() == 1.0


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf])
def test_a_time_that_cannot_pass_is_refused(seconds: float) -> None:
    clock = VirtualClock(still)
    with pytest.raises(ValueError, match="expected a number of at least 0"):
        clock.advance(seconds)
    assert clock() == 0.0
