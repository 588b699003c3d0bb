"""The adapter for Anthropic's Messages API: whole requests, marked where its cache is read."""

from collections.abc import Sequence
from typing import Any, Final

from stitcher.core.breakpoints import MOST_BREAKPOINTS, Place, chosen
from stitcher.core.pairing import loop_is_open
from stitcher.messages.anthropic.marking import marked_message, markers
from stitcher.messages.reading import Message, Spoken, Tool, read
from stitcher.messages.toolset import written_tools
from stitcher.prompt.adapters.anthropic_breakpoints import Ends, Prompt, Ttl, marked, marker_of
from stitcher.prompt.adapters.anthropic_turns import system_blocks, turns
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.adapters.request import expect_model, expect_none_of
from stitcher.prompt.layout import Layout, expect_paired, leading, read_before
from stitcher.providers.caching import cache_rules

DEFAULT_MAX_TOKENS: Final = 4_096
"""Of the answer, where the caller says nothing: the API wants a number."""


class AnthropicAdapter(ProviderAdapter):
    """Marks prompts and makes requests for Claude.

    `model` decides what is too short to be cached, how tokens are counted and which roles are
    legal; without one, every end is marked. `ttl` is the lifetime of what is written.
    """

    name = "anthropic"
    family = "anthropic"
    any_model = "claude-"

    def __init__(self, model: str | None = None, *, ttl: Ttl = "5m") -> None:
        if ttl not in ("5m", "1h"):
            raise ValueError(f"ttl: found {ttl!r}, expected '5m' or '1h'")
        self.model = model
        self.ttl: Ttl = ttl

    def apply_cache_markers(
        self, messages: list[Message], boundaries: Sequence[int]
    ) -> list[Message]:
        """The messages with a breakpoint at the end of each boundary, at most four in all.

        The caller's own count. Where they leave too few, the later boundaries are marked.
        """
        return self._marked(messages, boundaries, markers(messages))

    def mark(
        self, messages: list[Message], boundaries: Sequence[int], *, taken: int | None = None
    ) -> list[Message]:
        """`apply_cache_markers`, for messages of which it is known how many `taken` they have.

        A history is long: to look for them in all of it would cost more than the rest of a turn.
        """
        overridden = type(self).apply_cache_markers is not AnthropicAdapter.apply_cache_markers
        if taken is None or overridden:
            return self.apply_cache_markers(messages, boundaries)
        return self._marked(messages, boundaries, taken)

    def _marked(
        self, messages: list[Message], boundaries: Sequence[int], taken: int
    ) -> list[Message]:
        places = [Place(n, n, 0) for n in reversed(boundaries) if 0 <= n < len(messages)]
        made = list(messages)
        for n in chosen(places, free=MOST_BREAKPOINTS - taken, lookback=1):
            made[n] = marked_message(made[n], marker_of(self.ttl))
        return made

    def build_request(
        self,
        messages: Sequence[Message],
        *,
        layout: Layout | None = None,
        tools: Sequence[Tool] = (),
        model: str | None = None,
        max_tokens: int = DEFAULT_MAX_TOKENS,
        **parameters: Any,
    ) -> dict[str, Any]:
        """What `anthropic_client.messages.create(**request)` takes as it is.

        `messages` are a whole prompt, its system messages first, in any API's form; tools likewise.
        `parameters` go in as they are. Breakpoints stand at the ends of tools, system, long-lived
        history and the prompt, at most four with the caller's own, each where the model's cache
        reads it. Raises ValueError for a prompt that the API would refuse.
        """
        name = expect_model(self, model)
        expect_none_of(parameters, "messages", "system")
        where = layout or Layout()
        said = [read(message) for message in messages]
        expect_paired(said)
        first = leading(said, where)
        prompt = Prompt(
            tools=written_tools(tools, "anthropic"),
            system=system_blocks(messages[:first]),
            messages=turns(messages, said, first, where, name),
        )
        if not prompt.messages:
            raise ValueError("found no message beside the system prompt, expected at least one")
        automatic = parameters.get("cache_control")
        ends = Ends(
            tail=automatic is None and _is_read_again(said, where, loops=bool(tools)),
            history=where.history_end if where.held is None else where.held - 1,
            written=read_before(said, where),
        )
        own = markers([*prompt.tools, *prompt.system])
        own += markers(messages[first:]) if where.markers is None else where.markers
        prompt = marked(
            prompt,
            ends,
            counter=self._counter,
            rules=cache_rules(name),
            taken=own + (automatic is not None),
            # The automatic one stands last, and long ones stand before short ones.
            ttl="1h" if _is_long(automatic) else self.ttl,
        )
        request: dict[str, Any] = {"model": name, "max_tokens": max_tokens}
        for key, value in (("tools", prompt.tools), ("system", prompt.system)):
            if value:
                request[key] = value
        return {**request, "messages": [one.message for one in prompt.messages], **parameters}


def _is_long(marker: object) -> bool:
    return isinstance(marker, dict) and marker.get("ttl") == "1h"


def _is_read_again(said: Sequence[Spoken], layout: Layout, *, loops: bool) -> bool:
    """True where a later request can begin with the whole of this prompt.

    Behind dynamic context that moves with the next turn only what a tool loop adds can follow.
    """
    if layout.passing:
        return False
    if layout.dynamic is None:
        return True
    return layout.dynamic < len(said) - 1 and (loops or loop_is_open(said))
