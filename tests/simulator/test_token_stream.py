"""Prefixes by their length in tokens, however the prompt was cut into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from stitcher.simulator.counting import text_tokens
from stitcher.simulator.prefix_chain import Chain, Link, Span
from stitcher.simulator.token_stream import common_tokens, prefixes, spans_of

texts = st.text(alphabet="ab\u00e9", max_size=40)


def text(content: str) -> Span:
    return Span(content.encode(), text_tokens(content), text=True)


def whole(content: str, tokens: int) -> Span:
    return Span(content.encode(), tokens)


def tokens_of(spans: list[Span]) -> list[bytes]:
    """The prompt's tokens, one by one, by the rule in words."""
    found = []
    for span in spans:
        for k in range(1, span.tokens + 1):
            piece = span.content[4 * k - 4 : 4 * k] if span.text else span.content + b"#%d" % k
            found.append(piece)
    return found


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_two_prompts_share_the_prefixes_whose_tokens_are_the_same(
    one: list[str], other: list[str]
) -> None:
    a, b = [text(part) for part in one if part], [text(part) for part in other if part]
    # Where a text ends is known to the model: a message's beginning stands between texts.
    a = [span for each in a for span in (whole("begin", 1), each)]
    b = [span for each in b for span in (whole("begin", 1), each)]
    same = 0
    for x, y in zip(tokens_of(a), tokens_of(b), strict=False):
        if x != y:
            break
        same += 1
    assert common_tokens(a, b) == common_tokens(b, a) == same
    lengths = range(1, min(len(tokens_of(a)), len(tokens_of(b))) + 1)
    equal = [x == y for x, y in zip(prefixes(a, lengths), prefixes(b, lengths), strict=True)]
    assert equal == [length <= same for length in lengths]


def test_an_image_is_shared_as_a_whole_or_not_at_all() -> None:
    first, second = [whole("image 1", 700)], [whole("image 2", 700)]
    assert common_tokens(first, second) == 0
    assert list(prefixes(first, [128])) != list(prefixes(second, [128]))
    assert list(prefixes(first, [128, 700])) == list(prefixes([*first, text("abcd")], [128, 700]))


def test_what_the_prompt_was_seeded_with_is_before_its_first_token() -> None:
    def chain(seed: bytes) -> list[Link]:
        chain = Chain(seed, 3)
        chain.add(b"x", 2, spans=[text("abcdefgh")])
        return chain.links

    assert spans_of(chain(b"m")) == (Span(b"m", 3), text("abcdefgh"))
    assert common_tokens(spans_of(chain(b"m")), spans_of(chain(b"n"))) == 0
    assert list(prefixes(spans_of(chain(b"m")), [4])) != list(prefixes(spans_of(chain(b"n")), [4]))


def test_links_without_content_are_shared_by_their_hash_and_the_tokens_before_a_place() -> None:
    def links(*names: str) -> list[Link]:
        chain = Chain(b"m")
        for name in names:
            chain.add(name.encode(), 100)
        return chain.links

    one, other = spans_of(links("a", "b")), spans_of(links("a", "c"))
    assert common_tokens(one, other) == 100
    places = [50, 100, 150]
    equal = [x == y for x, y in zip(prefixes(one, places), prefixes(other, places), strict=True)]
    assert equal == [True, True, False]
