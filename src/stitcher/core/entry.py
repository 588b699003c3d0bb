"""The entries of a session's log: what can be written down. Plain values; `log` folds them."""

from dataclasses import dataclass
from typing import Literal

from stitcher.core.item import Item
from stitcher.core.ledger import NOTHING_KNOWN, CacheState

TurnStatus = Literal["answered", "cut", "failed"]

NO_HEAD = "none"
"""Instead of a head's digest: sent without one, on a thread that may have had one before."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message at its place in the tree."""

    thread: str
    time: float  # seconds since the epoch
    chain: str
    parent: str
    depth: int  # messages from the root to here, itself included
    upto: int  # tokens from the root to here, itself included
    laid: str  # digest of the renderings of all messages before it, as sent
    item: Item | None  # None where the bytes stand at `same_as`
    same_as: str = ""  # chain of the place where these bytes were first written
    answer: bool = False  # said by the provider, not by the client
    cut: bool = False  # an answer that was not received to its end
    head: str = ""  # digest of the head an answer was given under


@dataclass(frozen=True, slots=True)
class Head:
    """System prompt and tools of a thread, written when they change."""

    thread: str
    time: float
    dialect: str
    digest: str
    system: bytes | None  # verbatim; for Chat Completions a JSON array of the leading messages
    tools: bytes | None
    depth: int = 0  # of the path when it was written: said again now and then, to be found near


@dataclass(frozen=True, slots=True)
class Turn:
    """How a request ended. A failed one takes its messages off the path again, back to `base`."""

    thread: str
    time: float
    status: TurnStatus
    of: str  # chain of the last message sent
    base: str  # the thread's tip before the request
    model: str
    http: int
    tokens: int  # estimate of what was sent, before calibration
    usage: bytes | None  # as the provider reported it
    head: str = ""  # digest of the head it was sent under; "" if the thread never had one
    window: str = ""  # where the thread's window began; "" if it was never cut
    ratio: float = 0.0  # reported tokens per estimated one of this model; 0 if never reported
    forgets: bool = False  # the provider keeps no reasoning that could be named by an id
    cache: CacheState = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class Rewound:
    """The client went back: the path ends at `to`, what followed stays reachable."""

    thread: str
    time: float
    to: str


@dataclass(frozen=True, slots=True)
class Rebased:
    """The client rewrote its history: its version follows, beginning after `onto`."""

    thread: str
    time: float
    onto: str


@dataclass(frozen=True, slots=True)
class Compacted:
    """The window begins at `start`; older replies that repeat a kept one are sent as stubs."""

    thread: str
    time: float
    start: str  # chain of the first message kept
    at: str  # the last message there was: thinking up to here is no longer sent
    stubs: tuple[tuple[str, str], ...] = ()  # (chain, chain of the kept message it repeats)


@dataclass(frozen=True, slots=True)
class Settled:
    """From now on these bytes go out for an answer: the client's own replay of it."""

    thread: str
    time: float
    of: str
    item: Item


@dataclass(frozen=True, slots=True)
class Aside:
    """Said with one request only (a reminder the client drops again): beside the path."""

    thread: str
    time: float
    after: str  # chain of the message it followed
    dialect: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider calls an answer, so that a later request can refer to it."""

    thread: str
    time: float
    id: str
    asked: str  # chain of the last message it was an answer to
    of: str  # chain of its last message; `asked` where it said nothing
    head: str  # digest of the head it was given under
    stored: bool  # the client may fetch it by its id
    body: bytes | None = None  # the response object, verbatim, where it is stored


@dataclass(frozen=True, slots=True)
class Conversation:
    """The session is an object that a client made: what it says of itself, written as a whole."""

    time: float
    id: str
    created_at: int  # seconds since the epoch
    metadata: bytes  # a JSON object, verbatim
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a thread's last turn left in the provider's cache was read again, to live on."""

    thread: str
    time: float  # when it was asked for: lifetimes count from then
    keys: tuple[str, ...]  # of the entries that live on
    usage: bytes | None  # as the provider reported it
    cause: str = ""  # "lost" where the provider held less than it should have


Entry = (
    Message
    | Head
    | Turn
    | Refreshed
    | Rewound
    | Rebased
    | Compacted
    | Settled
    | Aside
    | Response
    | Conversation
)
