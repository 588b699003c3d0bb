"""Which of a conversation's thinking was thought under a prompt that has changed since.

Some models bind thinking to all that stood before it ("Preserved thinking", 2026-10) and refuse it
where that has changed. Other tools change it, another system prompt, and dynamic context: with its
text, and by moving on with the turns. So the state says under what it was asked last, and how many
of its messages were thought under something else: `"thinking": {"under": "…", "stale_before": 4}`.
"""

from collections.abc import Sequence

from stitcher.messages.anthropic.message import without_thinking
from stitcher.messages.json_text import json_text
from stitcher.messages.reading import Tool
from stitcher.prompt.assembly import Assembled
from stitcher.prompt.config import PromptConfig
from stitcher.prompt.state import State, with_messages
from stitcher.providers.models import binds_thinking


def asked(state: State, prompt: Assembled, tools: Sequence[Tool], config: PromptConfig) -> State:
    """The state of a conversation that is asked this now; the very state where nothing changes."""
    if config.adapter.family != "anthropic":
        return state
    context = None if prompt.dynamic is None else prompt.messages[prompt.dynamic]["content"]
    from stitcher.core.item import digest  # of use to Claude's alone: imported when it is

    head = json_text([config.static_system_prompt, tools, context, prompt.dynamic])
    under = digest(head.encode("utf-8", "surrogatepass"))
    known = state.get("thinking")
    if known is not None and known["under"] == under:
        return state
    stale = 0 if known is None else len(state["long_lived"]) + len(state["short_term"])
    return {**state, "thinking": {"under": under, "stale_before": stale}}


def stale_before(state: State) -> int:
    """Messages of the history, from the first on, whose thinking is refused by now."""
    return int(state.get("thinking", {}).get("stale_before", 0))


def rewritten(state: State, config: PromptConfig, *, start: int) -> State:
    """The state whose history has changed from message `start` on: later thinking goes whole.

    For a model that does not mind it stays, and is known to be stale.
    """
    long_lived, short_term = state["long_lived"], state["short_term"]
    stale = len(long_lived) + len(short_term)
    if binds_thinking(config.adapter.model or ""):
        kept = [*long_lived, *short_term]
        kept[start:] = map(without_thinking, kept[start:])
        end = len(long_lived)
        state = with_messages(state, long_lived=kept[:end], short_term=kept[end:])
        stale = min(stale_before(state), start)
    if "thinking" not in state:
        return state
    return {**state, "thinking": {**state["thinking"], "stale_before": stale}}
