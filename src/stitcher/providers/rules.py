"""What there is to know about a prompt cache: the words in which every provider's rules are told.

The values stand in one module a provider, with source and date; `caching` finds them for a model.
Nothing here knows a provider, a clock or a price in money.
"""

from dataclasses import dataclass
from typing import Literal

Family = Literal["anthropic", "openai", "gemini", "deepseek", "xai", "mistral", "groq", "other"]
Tier = Literal["tools", "system", "messages"]
Scheme = Literal["breakpoints", "boundaries", "message_ends", "units", "blocks", "prefix"]
"""Where a prefix may end that is written, and where one is looked for.

breakpoints   written at marked blocks only; read at most `lookback` positions before a mark
boundaries    written at the latest message's end and the latest marks; read at marks and message
              ends, as many as `lookup` says
message_ends  written and read at the ends of messages
units         written at the ends of a request's input and of its answer; read only as a whole
blocks        written and read in steps of `block` tokens from the prompt's beginning
prefix        written as it is; read as far as it is the same, to the token
"""
Visible = Literal["response start", "response end", "seconds later", "once computed"]
"""From when on an entry can be read: by requests that begin after this moment of its writer."""
Clock = Literal["request start", "last use"]
"""From where a lifetime counts: the start of the request that wrote or read the entry, or a use of
which the provider does not say which moment it means (the start is the careful reading)."""
Scope = Literal["workspace", "organisation", "account", "engine", "unstated"]
"""Who shares entries, for one model."""
KeepAlive = Literal["max_tokens=0", "prewarm"]
"""The request that writes or refreshes a prefix and generates nothing: Anthropic's `max_tokens` of
0, or OpenAI's `prompt_cache_options.prewarm` (Responses only)."""
Api = Literal["responses"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an entry lives that is not read again, and what that costs."""

    name: str  # as requests and usage name it; "implicit" where nobody asks for it
    seconds: int  # no entry is counted on for longer
    write: float  # price of a token written, in prices of a plain input token
    only: Api | None = None  # the one API that takes it, of several


@dataclass(frozen=True, slots=True)
class Loss:
    """A change between two requests, and the first tier in prompt order that it loses."""

    change: str  # the request's parameter by its path, or what appears in it: images, citations
    tier: Tier


@dataclass(frozen=True, slots=True)
class Lookup:
    """At which boundaries of a request a written prefix is looked for."""

    first: int  # explicit breakpoints from the prompt's beginning
    latest: int  # explicit breakpoints from its end
    message_ends: int  # earlier messages that could have ended a request; none in explicit mode
    opening: bool  # the end of the leading developer messages; not in explicit mode


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What providers leave open, or their sources disagree on.

    The defaults promise the fewest hits and the shortest lives, but where that would leave nothing
    to go by: `settings_before_head`, `interval`, `hidden_tokens` and `unstated_visibility`.
    """

    hit_refreshes_earlier: bool = False
    """Anthropic: a read renews the entries before it in the same prefix, not only itself and those
    at the request's own breakpoints."""
    long_marker_extends: bool = False
    """Anthropic: an entry of 5 minutes that is read under a marker of 1 hour lives for the hour."""
    head_positions: bool = True
    """Anthropic: each tool and each system block is a position of the look-back."""
    settings_before_head: bool = False
    """Anthropic: thinking and effort stand before the tools ("model-specific", no model named), so
    that changing them loses everything, not only the messages."""
    minimum_at_breakpoint: bool = True
    """Anthropic: the minimum counts the tokens up to each breakpoint, not the whole prompt's."""
    lower_minimums: bool = False
    """Anthropic: where sources name two minimums for a model, the lower one is true."""
    any_image_change: bool = False
    """Anthropic: any change of a request's images loses the messages, not only their first coming
    and last going."""
    latest_80: bool = False
    """OpenAI from GPT-5.6 on: the latest 80 breakpoints are looked up (API reference), not the
    first 2 and the latest 50 (guide)."""
    service_tier_parts: bool = True
    """OpenAI: another service tier is another cache."""
    hidden_tokens: int = 0
    """OpenAI up to GPT-5.5: tokens of its own instructions in front of the prompt, from which the
    blocks are counted and which reports leave out."""
    interval: int = 128
    """OpenAI before GPT-5.5: tokens from one place where a prefix may end to the next."""
    write_12h: float = 2.5
    """OpenAI from GPT-5.6 on: price of a token written for 12 hours, which only litellm names."""
    unstated_visibility: Visible = "response start"
    """From when entries can be read, of providers that do not say."""
    unit_interval: int | None = None
    """DeepSeek: tokens between the units that long inputs are also written in; None: not counted
    on, as the number is not published."""
    common_prefixes: bool = False
    """DeepSeek: what two requests had in common is a unit for the third."""


CAREFUL = Assumptions()


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How one model's prompt cache works."""

    family: Family
    minimum: int  # tokens of the shortest prefix that is cached
    read: float  # price of a token read, in prices of a plain input token
    write: float  # price of a token written for the shortest lifetime
    explicit: int  # breakpoints that a request may set itself; 0 where it cannot
    implicit: bool  # the provider sets one by itself, near the prompt's end
    lookback: int  # positions walked back from a breakpoint; 0 where that is not how it reads
    scheme: Scheme
    lifetimes: tuple[Lifetime, ...]  # shortest first; only an explicit choice gets another
    losses: tuple[Loss, ...]
    block: int = 1  # tokens from one place where a prefix may end to the next
    rounding: int = 1  # tokens read are reported as a multiple of this, rounded down
    order: tuple[Tier, ...] = ("tools", "system", "messages")
    scope: Scope = "unstated"
    visible: Visible = "response start"
    refreshed_by_reading: bool = True
    counted_from: Clock = "last use"
    writes_answers: bool = False  # the answer is written too, not only what was asked
    lookup: Lookup | None = None  # of the scheme `boundaries`
    keep_alive: KeepAlive | None = None
    requests_per_minute: int | None = None  # of one prefix and key, until they part to machines
    assumptions: Assumptions = CAREFUL

    @property
    def shortest(self) -> int:
        """Tokens of the shortest prefix of which anything can be read."""
        return max(self.minimum, self.block)

    def lost_by(self, change: str) -> tuple[Tier, ...]:
        """The tiers whose entries are not found any more after a change; none that is unknown."""
        for loss in self.losses:
            if loss.change == change:
                return self.order[self.order.index(loss.tier) :]
        return ()


def losing(tier: Tier, *changes: str) -> tuple[Loss, ...]:
    """Changes that all lose the same."""
    return tuple(Loss(change, tier) for change in changes)
