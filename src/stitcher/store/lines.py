"""Complete lines of one open file, forwards or backwards, reading no more than is asked for.

What follows the last newline is an unfinished line and never yielded. Knows nothing of sessions or
of what a line means.
"""

import errno
from collections.abc import Iterator, Sequence
from typing import BinaryIO

BLOCK = 64 * 1024


def joined(lines: Sequence[bytes]) -> bytes:
    """The lines as they are kept. Raises ValueError for a line that would not be one line."""
    for line in lines:
        if not line or b"\n" in line:
            fault = "has a newline in it" if line else "is empty"
            raise ValueError(f"a line of a log {fault}: expected JSON without newlines")
    return b"".join([piece for line in lines for piece in (line, b"\n")])


def newest_first(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line before `end`, the last one first."""
    pieces: list[bytes] = []  # of the line being read, its end first
    finished = False  # whether that line ends with a newline
    while end > 0:
        start = max(0, end - BLOCK)
        block = _read(file, start, end - start)
        stop = len(block)
        while (newline := block.rfind(b"\n", 0, stop)) != -1:
            if finished:
                yield start + newline + 1, _whole(pieces, block[newline + 1 : stop])
            pieces.clear()
            finished = True
            stop = newline
        if finished:
            pieces.append(block[:stop])
        end = start
    if finished:
        yield 0, _whole(pieces, b"")


def oldest_first(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line before `end`, the first one first."""
    pieces: list[bytes] = []
    line_start = position = 0
    while position < end:
        block = _read(file, position, min(BLOCK, end - position))
        begin = 0
        while (newline := block.find(b"\n", begin)) != -1:
            yield line_start, b"".join([*pieces, block[begin:newline]])
            pieces.clear()
            begin = newline + 1
            line_start = position + begin
        pieces.append(block[begin:])
        position += len(block)


def count(file: BinaryIO, end: int, beginnings: Sequence[bytes] = (b"",)) -> int:
    """How many lines before `end` begin with one of `beginnings`."""
    return sum(line.startswith(tuple(beginnings)) for _, line in oldest_first(file, end))


def finished_length(file: BinaryIO, end: int) -> int:
    """The length up to and including the last newline before `end`."""
    while end > 0:
        start = max(0, end - BLOCK)
        newline = _read(file, start, end - start).rfind(b"\n")
        if newline != -1:
            return start + newline + 1
        end = start
    return 0


def _whole(pieces: list[bytes], first: bytes) -> bytes:
    return b"".join([first, *reversed(pieces)])


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    block = file.read(length)
    if len(block) < length:
        raise OSError(errno.EIO, "the file became shorter while it was read")
    return block
