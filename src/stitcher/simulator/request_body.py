"""From the bytes of a request to values: content encodings, JSON, multipart, and their refusals.

OpenAI takes zstd (Codex sends it) and gzip; what cannot be read is refused. Knows nothing of what
the values mean.
"""

import json
import re
import sys
import zlib
from typing import Any, NoReturn

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


_BOUNDARY = re.compile(r'multipart/.*boundary="?([^";]+)', re.IGNORECASE)
_PART_NAME = re.compile(rb'[; ]name="([^"]*)"')
_FILE_NAME = re.compile(rb'[; ]filename="([^"]*)"')


class UnreadableBodyError(Exception):
    """The body is not what its headers say: `status` 415 for an encoding nobody takes, else 400."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def decode_body(body: bytes, encoding: str | None) -> bytes:
    match (encoding or "identity").strip().lower():
        case "identity" | "":
            return body
        case "gzip":
            return _gunzip(body)
        case "zstd":
            try:
                return zstd.decompress(body)
            except zstd.ZstdError as error:
                raise UnreadableBodyError(400, f"The body is not valid zstd: {error}") from error
        case other:
            raise UnreadableBodyError(415, f"Unsupported content encoding: {other}")


def _gunzip(body: bytes) -> bytes:
    try:
        reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
        decoded = reader.decompress(body) + reader.flush()
    except zlib.error as error:
        raise UnreadableBodyError(400, f"The body is not valid gzip: {error}") from error
    if not reader.eof:
        raise UnreadableBodyError(400, "The body is not valid gzip: it ends early")
    return decoded


def read_json(decoded: bytes) -> Any:
    try:
        return json.loads(decoded.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableBodyError(400, f"not valid JSON: {error}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_multipart(body: bytes, content_type: str) -> list[tuple[str, str | None, bytes]]:
    """The parts as (name, file name, content); none when the body is not multipart."""
    boundary = _BOUNDARY.match(content_type)
    if boundary is None:
        return []
    parts: list[tuple[str, str | None, bytes]] = []
    for part in body.split(b"--" + boundary.group(1).encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, file_name = _PART_NAME.search(head), _FILE_NAME.search(head)
        if name is not None:
            shown = file_name.group(1).decode("utf-8", "replace") if file_name else None
            parts.append((name.group(1).decode(), shown, content.removesuffix(b"\r\n")))
    return parts
