"""Bills: what was sent before is read, by each provider's own rules."""

import pytest

from stitcher.benchmark.arms import direct, fixed_order
from stitcher.benchmark.billing import Bill, bills
from stitcher.benchmark.cells import CELLS
from stitcher.benchmark.conversation import Conversation
from stitcher.benchmark.prompt import Prompt, plain
from tests.benchmark.made import Said, conversation, setting

CHAT = conversation(Said(100, 50), Said(30, 50), Said(30, 50), head=600)


def of(chat: Conversation, cell: str, prompts: list[Prompt] | None = None) -> list[Bill]:
    prompts = list(direct(chat, setting(cell))) if prompts is None else prompts
    return list(bills(chat, prompts, CELLS[cell]))


def test_what_was_sent_before_is_read_and_the_rest_written() -> None:
    assert of(CHAT, "anthropic-5m") == [Bill(0, 700, 0), Bill(700, 80, 0), Bill(780, 80, 0)]


def test_what_is_too_short_is_plain() -> None:
    chat = conversation(Said(10, 10), Said(10, 300), Said(200, 10), head=300)
    assert of(chat, "anthropic-5m") == [Bill(0, 0, 310), Bill(0, 0, 330), Bill(0, 830, 0)]
    assert of(CHAT, "openai")[-1] == Bill(0, 0, 860)  # it begins at 1,024


def test_some_write_everywhere_for_nothing_and_count_by_128() -> None:
    chat = conversation(Said(100), Said(30), head=1_200)
    assert of(chat, "reader-0.25")[1] == Bill(1_280, 0, 60)


def test_some_read_all_that_two_prompts_have_in_common() -> None:
    chat = conversation(Said(100, 50), Said(30), head=4_000)
    assert of(chat, "gemini") == [Bill(0, 0, 4_100), Bill(4_100, 0, 80)]
    assert of(CHAT, "gemini")[-1].read == 0  # too short


@pytest.mark.parametrize(("cell", "read"), [("anthropic-5m", 0), ("anthropic-1h", 700)])
def test_a_lifetime_counts_from_the_start_of_the_request(cell: str, read: int) -> None:
    chat = conversation(Said(100, 50), Said(30, 50, wait=300))
    assert of(chat, cell)[1].read == read
    chat = conversation(Said(100, 50), Said(30, 50, wait=299))
    assert of(chat, cell)[1].read == 700


def test_a_read_renews_the_lifetime_of_all_that_is_marked() -> None:
    chat = conversation(*[Said(100, 50, wait=200)] * 4)
    prompts = [plain(chat, 0, 0), plain(chat, 0, 1), plain(chat, 0, 2), plain(chat, 4, 3)]
    assert of(chat, "anthropic-5m", prompts)[3].read == 600  # the head


def test_context_for_one_request_is_not_written() -> None:
    chat = conversation(Said(100, 50, context="a"), Said(30, 50, context="b"))
    assert of(chat, "anthropic-5m") == [Bill(0, 700, 100), Bill(700, 80, 100)]


def test_context_before_the_turn_takes_the_turn_along() -> None:
    chat = conversation(Said(100, 50, context="a"), Said(30, 50, context="a"))
    prompts = [fixed_order(chat, 0, n) for n in range(2)]
    # head and context; then head, question and answer, context, question
    assert of(chat, "anthropic-5m", prompts) == [Bill(0, 600, 200), Bill(600, 150, 130)]


def test_the_hour_costs_twice_a_plain_token() -> None:
    bill = Bill(read=1_000, written=100, plain=10)
    assert bill.tokens == 1_110
    assert bill.cost(CELLS["anthropic-5m"]) == pytest.approx(10 + 125 + 100)
    assert bill.cost(CELLS["anthropic-1h"]) == pytest.approx(10 + 200 + 100)
    assert bill.cost(CELLS["reader-0.25"]) == pytest.approx(10 + 100 + 250)
