"""Conversations for the tests of the benchmark: small ones, made by hand or by hypothesis."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from stitcher.benchmark.cells import CELLS, Cell
from stitcher.benchmark.conversation import Block, Conversation, Request, Workload
from stitcher.benchmark.prompt import Prompt, Setting

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """One request, in short."""

    tokens: int
    reply: int = 10
    wait: float = 10.0  # seconds since the one before
    results: bool = False  # of tools: it begins no turn
    context: str = ""  # a name; 100 tokens


def conversation(*said: Said, head: int = 600, context: int = 100) -> Conversation:
    """A conversation of these requests; contexts of one name are the same."""
    contexts = {one.context: Block(one.context.encode(), context) for one in said}
    now, requests = 0.0, []
    for n, one in enumerate(said):
        now += one.wait
        requests.append(
            Request(
                now,
                Block(b"said %d" % n, one.tokens),
                not one.results,
                Block(b"reply %d" % n, one.reply),
                2.0,
                contexts[one.context] if one.context else None,
            )
        )
    return Conversation(Block(b"head", head), requests)


def workload(*conversations: Conversation, max_tokens: int = 4_000) -> Workload:
    return Workload("made", "made for a test", max_tokens, conversations)


def setting(cell: str = "anthropic-5m", max_tokens: int = 4_000, keep: float = 0.5) -> Setting:
    return Setting(CELLS[cell], max_tokens, keep)


def small(max_size: int, *, contexts: Sequence[str] = ("",)) -> st.SearchStrategy[Conversation]:
    """Conversations of which some pass a budget of 2,000 and some go cold."""
    said = st.builds(
        Said,
        st.integers(1, 700),
        st.integers(1, 700),
        st.sampled_from([10.0, 10.0, 4 * MINUTE, 40 * MINUTE]),
        st.booleans(),
        st.sampled_from(contexts),
    )
    return st.builds(
        lambda said, head: conversation(*said, head=head),
        st.lists(said, min_size=1, max_size=max_size),
        st.sampled_from([0, 300, 600, 1_100]),
    )


cells: st.SearchStrategy[Cell] = st.sampled_from(list(CELLS.values()))


def starts(conversation: Conversation, prompts: Sequence[Prompt]) -> list[int]:
    """The first message of the history in each prompt."""
    at = {block: n for n, block in enumerate(conversation.messages)}
    return [min(at[block] for block in prompt.blocks if block in at) for prompt in prompts]
