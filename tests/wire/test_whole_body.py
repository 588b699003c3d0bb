"""An answer that is one JSON object, however it is cut."""

from stitcher.wire.dialect import Received
from stitcher.wire.whole_body import WholeBody
from tests.wire.feeds import feeds


def test_nothing_is_passed_on_before_it_is_whole() -> None:
    for chunks in feeds(b'{"a": [1, 2]}'):
        seen: list[bytes] = []

        def read(body: bytes, seen: list[bytes] = seen) -> Received:
            seen.append(body)
            return Received(body, (), True, None, None)

        fold = WholeBody(read)
        assert [piece for chunk in chunks for piece in fold.feed(chunk)] == []
        assert not fold.ended
        assert fold.close() == [b'{"a": [1, 2]}']
        assert fold.ended
        assert fold.received().message == b'{"a": [1, 2]}'
        assert seen == [b'{"a": [1, 2]}']
