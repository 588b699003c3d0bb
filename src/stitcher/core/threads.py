"""Which conversation a request belongs to.

A request makes a claim: an explicit name, a client's own id, or nothing. What a claim is worth
differs. A name is one memory shared by whoever uses it, so a request may hold only what is new. A
client with an id of its own keeps its own history and sends all of it, so nothing is put back and
its side requests (titles, searches, sub-agents) stay apart. Without a claim only the messages
themselves can tell, from the first one on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stitcher.core.item import ROOT, Item, chain

MAIN = "main"


@dataclass(frozen=True, slots=True)
class Marks:
    """What a request says of itself besides its messages. Names are lower-case."""

    headers: Mapping[str, str]
    user_id: str | None = None  # Anthropic: metadata.user_id
    cache_key: str | None = None  # OpenAI: prompt_cache_key
    tool_names: Sequence[str] = ()
    system_start: str = ""  # the first words of the system prompt
    marks_last_message: bool | None = None  # cache breakpoint on the newest message; None: no marks


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a request says it belongs."""

    kind: Literal["named", "agent", "client", "anonymous"]
    session: str  # "" for anonymous
    thread: str

    @property
    def owns_history(self) -> bool:
        """True for a client that keeps its own history and sends all of it."""
        return self.kind in ("agent", "client")


# Header → prefix of the session's name. One line per client, with the version it was seen in.
_CLIENT_HEADERS = {
    "x-claude-code-session-id": "claude-code",  # Claude Code 2.1.330
    "x-session-id": "client",  # sent by several agents in the OpenAI format
}


def claim(marks: Marks, items: Sequence[Item], *, name: str | None) -> Claim:
    """Reads the claim. `name` is the explicit one: X-Stitcher-Session or ?session=."""
    client = _client_session(marks)
    thread = _agent_thread(client, marks, items) if client else None
    if name:
        if thread is None:
            return Claim("named", name, MAIN)
        # An agent that keeps its own history joins the name with threads of its own.
        return Claim("agent", name, f"{client}/{thread}")
    if client is None:
        return Claim("anonymous", "", MAIN)
    if thread is not None:
        return Claim("agent", client, thread)
    return Claim("client", client, f"c-{_root(items)}")


def _agent_thread(client: str, marks: Marks, items: Sequence[Item]) -> str | None:
    """The thread of a coding agent, which manages its own context; None for other clients."""
    if client.startswith("claude-code-"):
        return _claude_code_thread(marks, items)
    if client.startswith("codex-"):
        return _codex_thread(marks, items)
    return None


def _client_session(marks: Marks) -> str | None:
    if thread := marks.headers.get("thread-id"):  # Codex 0.169.0: sub-agents share the session
        return f"codex-{marks.headers.get('session-id') or marks.cache_key or thread}"
    for header, prefix in _CLIENT_HEADERS.items():
        if value := marks.headers.get(header):
            return f"{prefix}-{value}"
    if marks.user_id and (value := _session_in_user_id(marks.user_id)):
        return f"claude-code-{value}"
    if marks.cache_key:
        return f"key-{marks.cache_key}"
    return None


def _session_in_user_id(user_id: str) -> str | None:
    """Claude Code 2.1.330: a JSON string with `session_id`; up to 2.0.76: `user_…_session_<id>`."""
    if user_id.startswith("{"):
        try:
            value = json.loads(user_id).get("session_id")
        except (ValueError, AttributeError, RecursionError):
            return None
        return value if isinstance(value, str) and value else None
    _, found, value = user_id.rpartition("_session_")
    return value if found and value and user_id.startswith("user_") else None


def _claude_code_thread(marks: Marks, items: Sequence[Item]) -> str:
    if agent := marks.headers.get("x-claude-code-agent-id"):
        return f"agent-{agent}"
    kind = marks.headers.get("x-claude-code-request-class", "main")
    if kind != "main":
        return f"{kind}-{_root(items)}"
    if "cc_is_subagent=true" in marks.system_start:
        return f"agent-{_root(items)}"
    if not marks.tool_names or list(marks.tool_names) == ["web_search"]:
        return f"side-{_root(items)}"  # titles, renames, web search, warm-ups
    if marks.marks_last_message is False:
        return f"aside-{_root(items)}"  # compaction and /btw mark the last answer instead
    return MAIN


def _codex_thread(marks: Marks, items: Sequence[Item]) -> str:
    """Codex 0.169.0: each sub-agent and review has a `thread-id` of its own."""
    thread = marks.headers["thread-id"]
    root = marks.headers.get("session-id") or marks.cache_key or thread
    own = MAIN if thread == root else f"agent-{thread}"
    # A compaction asks about the whole history, with other tools, and is none of it.
    if _codex_request_kind(marks) == "compaction":
        return f"compaction-{own}-{_root(items)}"
    return own


def _codex_request_kind(marks: Marks) -> str:
    try:
        kind = json.loads(marks.headers.get("x-codex-turn-metadata", "{}")).get("request_kind")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return kind if isinstance(kind, str) else ""


def _root(items: Sequence[Item]) -> str:
    return chain(ROOT, items[0].identity)[:12] if items else "empty"


def opening(items: Sequence[Item]) -> str:
    """Names an anonymous conversation's beginning: everything before its first answer."""
    at = ROOT
    for item in items:
        if item.role == "assistant":
            break
        at = chain(at, item.identity)
    return at
