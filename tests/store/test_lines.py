import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stitcher.store import lines

line = st.binary(min_size=1, max_size=12).map(lambda data: data.replace(b"\n", b"-"))


class CountingFile(io.BytesIO):
    """Counts the bytes that were read from it."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


@given(st.lists(line, max_size=20), line | st.just(b""), st.integers(1, 40))
def test_both_directions_yield_the_complete_lines(
    content: list[bytes], unfinished: bytes, block: int
) -> None:
    data = b"".join(part + b"\n" for part in content) + unfinished
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", block)
        forwards = list(lines.oldest_first(io.BytesIO(data), len(data)))
        backwards = list(lines.newest_first(io.BytesIO(data), len(data)))
        finished = lines.finished_length(io.BytesIO(data), len(data))
        counted = lines.count(io.BytesIO(data), len(data))
    assert [part for _, part in forwards] == content
    assert backwards == forwards[::-1]
    assert finished == len(data) - len(unfinished)
    assert counted == len(content)
    for offset, part in forwards:
        assert data[offset : offset + len(part) + 1] == part + b"\n"


@given(st.lists(line, min_size=1, max_size=10), st.data())
def test_nothing_behind_the_end_is_read(content: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(part + b"\n" for part in content)
    end = draw.draw(st.integers(0, len(data)))
    expected = data[:end].split(b"\n")[:-1]
    assert [part for _, part in lines.oldest_first(io.BytesIO(data), end)] == expected
    assert [part for _, part in lines.newest_first(io.BytesIO(data), end)] == expected[::-1]


def test_a_reader_that_stops_early_has_read_only_what_it_needed() -> None:
    file = CountingFile((b"x" * 999 + b"\n") * 10_000)
    reader = lines.newest_first(file, 10_000_000)
    for _ in range(10):
        next(reader)
    assert file.bytes_read == lines.BLOCK


def test_lines_of_many_megabytes() -> None:
    content = [b"a" * 9_000_000, b"b", b"c" * 5_000_000]
    data = b"\n".join(content) + b"\n"
    file = CountingFile(data)
    assert [part for _, part in lines.newest_first(file, len(data))] == content[::-1]
    assert file.bytes_read == len(data)
    assert [part for _, part in lines.oldest_first(io.BytesIO(data), len(data))] == content


def test_a_file_that_became_shorter_is_an_error_and_not_other_lines() -> None:
    with pytest.raises(OSError, match="became shorter"):
        list(lines.newest_first(io.BytesIO(b"a\nb\n"), 9))
    with pytest.raises(OSError, match="became shorter"):
        list(lines.oldest_first(io.BytesIO(b"a\nb\n"), 9))


@pytest.mark.parametrize(("bad", "reason"), [(b"", "is empty"), (b"a\nb", "has a newline in it")])
def test_what_is_not_one_line_is_refused(bad: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        lines.joined([b"good", bad])
    assert lines.joined([b"one", b"two"]) == b"one\ntwo\n"
    assert lines.joined([]) == b""
