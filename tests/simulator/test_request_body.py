import gzip
import sys
import zlib

import pytest

from stitcher.simulator.request_body import (
    UnreadableBodyError,
    decode_body,
    read_json,
    read_multipart,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"{}", None),
        (b"{}", "identity"),
        (gzip.compress(b"{}"), "GZIP"),
        (zstd.compress(b"{}"), "zstd"),
    ],
)
def test_the_encodings_that_providers_take_are_undone(body: bytes, encoding: str | None) -> None:
    assert decode_body(body, encoding) == b"{}"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"{}", "br", 415),
        (zlib.compress(b"{}"), "deflate", 415),
        (b"{}", "gzip", 400),
        (gzip.compress(b"{}" * 100)[:-9], "gzip", 400),
        (b"{}", "zstd", 400),
    ],
)
def test_other_bodies_are_refused(body: bytes, encoding: str, status: int) -> None:
    with pytest.raises(UnreadableBodyError) as refused:
        decode_body(body, encoding)
    assert refused.value.status == status


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b'"\xff"', b"[" * 100_000, b"{} {}"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="not valid JSON"):
        read_json(body)


def test_multipart_is_read_byte_for_byte() -> None:
    head = b'Content-Disposition: form-data; name="file"; filename="a b.bin"'
    content = b"\r\n\x00\xff\r\n\r\n"
    body = b"--xx\r\n" + head + b"\r\n\r\n" + content + b"\r\n--xx--\r\n"
    parts = read_multipart(body, 'multipart/form-data; boundary="xx"')
    assert parts == [("file", "a b.bin", content)]
    assert read_multipart(body, "application/json") == []
