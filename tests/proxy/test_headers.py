import string

from hypothesis import given
from hypothesis import strategies as st

from stitcher.ports import Headers
from stitcher.proxy import headers

TOKENS = st.text(alphabet=string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
VALUES = st.text(alphabet=st.characters(codec="latin-1", categories=["L", "N", "P"]), max_size=20)
HEADERS = st.lists(st.tuples(TOKENS, VALUES), max_size=12)

HOPS = [
    ("Connection", "close, X-Private"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authorization", "Basic eA=="),
    ("TE", "trailers"),
    ("Trailer", "X-Sum"),
    ("Transfer-Encoding", "chunked"),
    ("Upgrade", "h2c"),
    ("x-private", "1"),
]
OURS = [("X-Stitcher-Session", "s"), ("x-stitcher-mode", "off"), ("X-STITCHER-TOKEN", "t")]


def test_hop_by_hop_and_our_own_headers_stay_here() -> None:
    asked = [("Host", "x"), ("Content-Length", "1"), ("Expect", "100-continue")]
    assert headers.upward([*HOPS, *OURS, *asked, ("Accept", "a")]) == [("Accept", "a")]
    assert headers.downward([*HOPS, *OURS, ("Content-Length", "1")]) == [("Content-Length", "1")]


@given(HEADERS)
def test_what_is_left_keeps_order_duplicates_and_letter_case(
    given_headers: Headers,
) -> None:
    for kept in (headers.upward(given_headers), headers.downward(given_headers)):
        source = iter(given_headers)
        assert all(pair in source for pair in kept)  # a subsequence
    plain = [(f"x-a-{name}", value) for name, value in given_headers]
    assert headers.upward(plain) == plain
    assert headers.downward(plain) == plain


def test_asks_only_for_encodings_that_can_be_undone() -> None:
    asked = [("accept-encoding", "gzip;q=0.5, made-up, br, *;q=0.1, identity"), ("A", "")]
    assert headers.readable(asked) == [("accept-encoding", "gzip;q=0.5, br, identity"), ("A", "")]
    assert headers.readable([("Accept-Encoding", "made-up")]) == []


def test_another_body_has_another_encoding_and_digest() -> None:
    of_the_body = [("Content-Encoding", "zstd"), ("Content-Digest", "x"), ("Content-MD5", "y")]
    kept = [("Content-Type", "application/json")]
    assert headers.for_another_body([*of_the_body, *kept]) == kept


def test_look_ups_ignore_letter_case() -> None:
    found = [("X-A", "1"), ("x-a", "2, 3"), ("B", "")]
    assert headers.find(found, "x-a") == "1"
    assert headers.find(found, "c") is None
    assert headers.find_all(found, "x-a") == ["1", "2, 3"]
    assert headers.listed(["gzip, BR ,", "zstd"]) == ["gzip", "br", "zstd"]
    assert headers.without(found, "x-a") == [("B", "")]
