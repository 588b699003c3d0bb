"""The examples of RFC 6455 (section 5.7) and RFC 7692 (section 7.2.3), and what ends unfinished."""

from tests.end_to_end.websocket_frames import read_messages

HELLO = bytes.fromhex("810548656c6c6f")
MASKED = bytes.fromhex("818537fa213d7f9f4d5158")
IN_TWO = bytes.fromhex("010348656c") + bytes.fromhex("80026c6f")
PING = bytes.fromhex("890548656c6c6f")
PACKED = bytes.fromhex("c107f248cdc9c90700")
PACKED_AFTER_IT = bytes.fromhex("c105f200110000")


def test_messages_are_told_apart_whatever_frames_they_come_in() -> None:
    read = read_messages(HELLO + MASKED + PING + IN_TWO)
    assert read == [(0, b"Hello"), (7, b"Hello"), (25, b"Hello")]


def test_long_ones() -> None:
    for size, length in ((256, "7e0100"), (65536, "7f0000000000010000")):
        frame = bytes.fromhex(f"82{length}") + bytes(size)
        assert read_messages(frame + HELLO) == [(0, bytes(size)), (len(frame), b"Hello")]


def test_compressed_ones_build_upon_each_other_if_so_agreed() -> None:
    assert read_messages(PACKED + PACKED_AFTER_IT) == [(0, b"Hello"), (9, b"Hello")]
    apart = read_messages(PACKED + PACKED, keeps_window=False)
    assert apart == [(0, b"Hello"), (9, b"Hello")]


def test_one_that_is_not_whole_is_not_there_yet() -> None:
    for end in range(len(MASKED)):
        assert read_messages(HELLO + MASKED[:end]) == [(0, b"Hello")]
