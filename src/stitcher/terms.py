"""What a plan depends on besides the log and the request. Pure."""

from dataclasses import dataclass

from stitcher.core.compaction import Policy
from stitcher.core.log import NO_HEAD
from stitcher.core.tokens import Calibration


@dataclass(frozen=True, slots=True)
class After:
    """The place that a request says it follows: an answer referred to by its id."""

    chain: str
    head: str = NO_HEAD  # digest of the head that answer was given under


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan depends on besides the log and the request."""

    thread: str
    now: float  # seconds since the epoch
    max_tokens: int
    keep: float
    owns_history: bool  # the client sends all of its history: nothing is put back
    may_cut: bool  # False for a client that manages its own context window
    calibration: Calibration  # where the thread's own log says nothing of the model
    exhausted: bool = False  # no more of the log will be read
    aside: bool = False  # a side thread: where nothing near is of it, it is taken for new
    after: After | None = None  # the API says where the messages stand: at this place,
    appends: bool = False  # or at the end of the path, whatever they look like
    cut: Policy = "auto"  # when the window is cut
    breakpoints: bool = True  # cache breakpoints are set where the client set none
    cache_key: str = ""  # what the session's requests are routed by, where the provider takes a key
    held: bool = False  # the provider itself keeps what stands before the client's messages

    @property
    def placed(self) -> bool:
        """True where the API, not the messages, says what they follow."""
        return self.after is not None or self.appends
