import threading

import pytest

from stitcher.simulator.recorder import Recorder


def test_requests_stand_in_order_with_what_was_answered() -> None:
    recorder = Recorder()
    first = recorder.add("POST", "/a?b=1", [("X", "1")], b"raw", 5.0)
    recorder.add("GET", "/c", [], b"", 6.0)
    recorder.update(first, status=200, decoded=b"plain", usage={"n": 1})
    received = recorder.requests[0]
    assert (received.index, received.at, received.body, received.decoded) == (
        0,
        5.0,
        b"raw",
        b"plain",
    )
    assert [r.status for r in recorder.requests] == [200, None]
    assert (received.header("x"), received.header("y")) == ("1", None)


def test_forgetting_does_not_disturb_a_request_under_way() -> None:
    recorder = Recorder()
    entry = recorder.add("GET", "/", [], b"", 0)
    recorder.clear()
    recorder.update(entry, status=200)
    assert recorder.requests == []


def test_waiting_ends_when_enough_arrived_and_says_so_when_not() -> None:
    recorder = Recorder()
    late = threading.Timer(0.05, lambda: recorder.add("GET", "/", [], b"", 0))
    late.start()
    recorder.wait_for(1, timeout=5)
    late.join()
    with pytest.raises(TimeoutError, match="1 requests arrived"):
        recorder.wait_for(2, timeout=0.01)


def test_credentials_are_masked_where_requests_are_shown() -> None:
    recorder = Recorder()
    recorder.add(
        "GET", "/", [("Authorization", "Bearer s"), ("X-Api-Key", "s"), ("A", "b")], b"", 0
    )
    assert recorder.requests[0].shown()["headers"] == [
        ["Authorization", "***"], ["X-Api-Key", "***"], ["A", "b"],
    ]  # fmt: skip
