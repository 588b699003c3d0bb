"""What of an earlier head a request without its own is given. Pure.

The head is the latest system prompt and tools of a thread. A client that sends only what is new
often leaves them out; one that refers to an earlier response leaves to the API what belongs to the
history of it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from stitcher.core.breakpoints import MOST_BREAKPOINTS
from stitcher.core.log import NO_HEAD, Head
from stitcher.wire import anthropic
from stitcher.wire.call import Call
from stitcher.wire.dialect import Dialect
from stitcher.wire.dialects import DIALECTS
from stitcher.wire.members import array, elements, without

_MARKERS = (b'"cache_control"', b'"prompt_cache_breakpoint"')


@dataclass(frozen=True, slots=True)
class Lent:
    """The parts that are put before a request's messages, and the digest of the whole head."""

    system: bytes | None
    tools: bytes | None
    digest: str

    @property
    def tokens(self) -> int:
        """A rough estimate, before calibration."""
        return (len(self.system or b"") + len(self.tools or b"")) // 3

    @property
    def breakpoints(self) -> int:
        """Cache breakpoints in it."""
        return _markers(self.system) + _markers(self.tools)


@lru_cache(maxsize=256)
def _markers(part: bytes | None) -> int:
    return sum(part.count(marker) for marker in _MARKERS) if part else 0


def lend(last: Head | None, call: Call) -> Lent:
    """A request without a system prompt gets the last one; without tools, the last tools.

    `last` is the thread's head in the request's dialect.
    """
    if last is None:
        return keep_own(call, none="")
    own = call.system is not None or call.tools is not None
    lent = Lent(
        system=last.system if call.system is None else None,
        tools=last.tools if call.tools is None else None,
        digest=call.head_digest if own else last.digest,
    )
    # OpenAI refuses none: it writes at the latest.
    few = call.breakpoints + lent.breakpoints <= MOST_BREAKPOINTS
    if few or call.dialect != anthropic.NAME:
        return lent
    return replace(lent, system=_without_markers(lent.system), tools=_without_markers(lent.tools))


def keep_own(call: Call, *, none: str = NO_HEAD) -> Lent:
    """For a client that brings all its history, or whose API gives each request its own head."""
    own = call.system is not None or call.tools is not None
    return Lent(None, None, call.head_digest if own else none)


def native(head: Head | None, dialect: Dialect) -> Head | None:
    """A head in the words of a dialect: what of it has no form there is left out."""
    if head is None or head.dialect == dialect.NAME:
        return head
    system, tools = dialect.written_head(DIALECTS[head.dialect].head(head.system, head.tools))
    return replace(head, dialect=dialect.NAME, system=system, tools=tools)


def _without_markers(head: bytes | None) -> bytes | None:
    """The client's own breakpoints come first: those of the head it does not send give way."""
    if head is None or head[:1] != b"[":
        return head
    return array([without(block, "cache_control") for block in elements(head)])
