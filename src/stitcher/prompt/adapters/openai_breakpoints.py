"""The explicit cache breakpoints of a request to OpenAI, for models that have them (GPT-5.6 on).

OpenAI, "Prompt caching", 2026-09-23: written are the end of the latest message and the latest three
explicit breakpoints; read are explicit ones, and the ends of the 20 messages of users and tools
before. So what an implicit breakpoint does not reach is marked: the system prompt, which other
conversations share, and what stays in front of dynamic context that moves or may be taken out.
"""

from collections.abc import Callable, Iterator, Sequence

from stitcher.core.breakpoints import Place, chosen
from stitcher.core.pairing import loop_is_open
from stitcher.messages.counting import Counter
from stitcher.messages.openai_breakpoints import breakpoints
from stitcher.messages.reading import Message, Spoken, tokens_of
from stitcher.messages.translation import Written
from stitcher.prompt.layout import Layout, leading, read_before
from stitcher.providers.caching import CacheRules

Mark = Callable[[Message], Message | None]


def ends(said: Sequence[Spoken], layout: Layout, *, implicit: bool) -> Iterator[int]:
    """The messages to mark at their end, most wanted first."""
    moves = layout.dynamic is not None and not loop_is_open(said)
    if not implicit and not moves and not layout.passing:
        yield len(said) - 1
    stays = layout.history_end if layout.held is None else layout.held - 1
    if layout.dynamic is not None or layout.held is not None or not implicit:
        yield from (end for end in (stays, read_before(said, layout)) if end is not None)
    yield leading(said, layout) - 1


def marked(
    written: Sequence[Written],
    wanted: Sequence[int],
    *,
    mark: Mark,
    counter: Counter,
    rules: CacheRules,
    free: int,
) -> list[Written]:
    """The messages, marked at the wanted ends or as near before them as may be."""
    tokens = _tokens_upto(written, counter, rules.minimum)
    places = [_place(written, end, mark, tokens) for end in wanted]
    made = list(written)
    # An explicit breakpoint is looked up wherever it stands: no other has to look back to it.
    for n in chosen(
        [place for place in places if place is not None],
        free=free - breakpoints([one.message for one in written]),
        lookback=len(written),
        minimum=rules.minimum,
    ):
        message = mark(made[n].message)
        assert message is not None
        made[n] = Written(message, made[n].source)
    return made


def _place(written: Sequence[Written], end: int, mark: Mark, tokens: Sequence[int]) -> Place | None:
    """The last message up to `end` that may be marked, unless the caller has marked it."""
    for n in range(len(written) - 1, -1, -1):
        message = written[n].message
        if written[n].source <= end and mark(message) is not None:
            return None if breakpoints(message) else Place(n, n, tokens[n])
    return None


def _tokens_upto(written: Sequence[Written], counter: Counter, enough: int) -> list[int]:
    """Tokens from the beginning to each message, counted until they are enough."""
    upto: list[int] = []
    total = 0
    for one in written:
        if total < enough:
            total += tokens_of(one.message, counter)
        upto.append(total)
    return upto
