"""What it costs to read, write and rewrite a prompt's beginning, and when a rewrite pays.

Prices are multiples of the price of one plain input token, so a result holds in any currency.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """What a provider asks for cached tokens, in prices of a plain input token."""

    read: float  # a token read from the cache
    write: float  # a token written to it


@dataclass(frozen=True, slots=True)
class Block:
    """Context that stands in the history since it was first said."""

    tokens: int  # its own
    behind: int  # of the messages after it, which a rewrite makes the provider read again


def outdated(blocks: Sequence[Block], prices: Prices, requests: float) -> int:
    """How many of the blocks, oldest first, stay where they are now that a newer one is said.

    The others are taken out. Taking out a block and all after it costs writing what is behind it
    instead of reading it, once; leaving them costs their reading with each of `requests` requests
    still expected. The cheapest wins; of equals, the one that moves least.
    """
    best, cheapest = len(blocks), 0.0
    saved = 0
    for n in range(len(blocks) - 1, -1, -1):
        saved += blocks[n].tokens
        cost = (prices.write - prices.read) * blocks[n].behind - prices.read * saved * requests
        if cost < cheapest:
            best, cheapest = n, cost
    return best


def write_pays(reads: float, prices: Prices) -> bool:
    """True where it pays to write to the cache what so many later requests will read of it.

    What is not written is sent at the price of plain input each time.
    """
    return reads * (1 - prices.read) > prices.write - 1


def expected_requests(so_far: int, until_cut: float) -> float:
    """Requests still to come, of a conversation that says nothing of how long it will be.

    As many as there were already: of all that are still going on, half go on for at least as long
    again if lengths are spread evenly over their orders of magnitude. Never more than there are
    until the window is cut, which takes the old blocks out for nothing.
    """
    return min(float(max(1, so_far)), max(1.0, until_cut))


def cut_pays(*, kept: int, surplus: int, held: int, requests: int, prices: Prices) -> bool:
    """True when a window's surplus has cost as much as cutting it off does.

    A cut makes the provider write the `kept` tokens again instead of reading them, once; the
    `surplus` tokens it leaves out would be read with each later request. `held` is what has been
    read of a surplus since the last cut, in tokens times requests. Where each request adds e
    tokens, that is at a surplus of √(2(w-r)·kept·e/r), the economic order quantity of inventory
    theory, without having to know e. A conversation of so few `requests` that as many again would
    not pay for the cut is left alone: it may end at any time.
    """
    rewrite = (prices.write - prices.read) * kept
    expected = expected_requests(requests, until_cut=float(max(1, requests)))
    return prices.read * held >= rewrite and prices.read * surplus * expected >= rewrite


def long_lifetime_pays(
    *, prompt: int, added: int, gaps: tuple[int, int, int], read: float, short: float, long: float
) -> bool:
    """True when a prompt is cheaper written with the longer of two lifetimes.

    `prompt` tokens are written again after a gap longer than the lifetime, `added` tokens with each
    request. `gaps` are how many were within the short lifetime, between the two, and beyond both;
    `short` and `long` are the prices of writing. A gap between the two costs the short lifetime a
    rewrite that the long one reads; everything written costs the long one more.
    """
    _, between, beyond = gaps
    requests = sum(gaps)
    saved = between * prompt * (short - read)
    dearer = (long - short) * (requests * added + beyond * prompt)
    return saved > dearer
