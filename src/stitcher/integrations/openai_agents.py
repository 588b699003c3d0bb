"""The OpenAI Agents SDK: a session kept by a `PromptManager`.

What is kept are the items of the Responses API as the SDK writes them. Knows nothing of agents,
runs or where the state is saved.
"""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, Final, Unpack, cast

try:
    from agents import SessionSettings, TResponseInputItem
except ModuleNotFoundError as missing:
    raise ImportError(
        "stitcher.integrations.openai_agents needs openai-agents: "
        'pip install "stitcher-llm[openai-agents]"'
    ) from missing

from stitcher.core.pairing import joints
from stitcher.messages.reading import Message, read
from stitcher.prompt.adapters.openai import OpenAIResponsesAdapter
from stitcher.prompt.config import PromptConfig, Settings
from stitcher.prompt.prompt_manager import PromptManager
from stitcher.prompt.state import State, as_sent, loads

OnChange = Callable[[str], Awaitable[None] | None]
"""Told the whole state as JSON text after each change; may be async."""

_ZONES: Final = ("short_term", "long_lived")  # newest first


class StitcherSession:
    """A session for `Runner.run(..., session=session)`: the SDK's `Session` protocol.

    Takes the settings of `PromptManager` as keywords; `max_tokens` is what keeps it small. `saved`
    is what `on_change` was last told, to go on from there. Where saving raises, nothing has
    changed. Not for several runs at once. Raises TypeError, ValueError for what cannot be used.
    """

    session_id: str
    session_settings: SessionSettings | None

    def __init__(
        self,
        session_id: str,
        *,
        saved: str | bytes | None = None,
        on_change: OnChange | None = None,
        session_settings: SessionSettings | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings
        settings.setdefault("adapter", OpenAIResponsesAdapter())
        config = PromptConfig(**settings)
        self.manager = PromptManager(config, state=None if saved is None else loads(saved))
        self._on_change = on_change

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """What goes into the next run's input: long-lived history and current turn, compacted.

        Of these the newest `limit`, by default `session_settings.limit`: fewer where that many
        would begin with a result without its call, or with what was said without its reasoning,
        which the API refuses. A limit moves the prefix with every item; `max_tokens` does not.
        """
        state = self.manager.state
        items = [as_sent(item) for item in (*state["long_lived"], *state["short_term"])]
        if limit is None and self.session_settings is not None:
            limit = self.session_settings.limit
        if limit is not None:
            items = items[_first_of_newest(items, limit) :]
        return cast("list[TResponseInputItem]", items)

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Adds items, in one go: a message whose calls follow it does not end the turn.

        Raises TypeError or ValueError for what is no item, HookError.
        """
        if items:
            before = self.manager.state
            await self.manager.aappend_many(items)
            await self._changed(before)

    async def pop_item(self) -> TResponseInputItem | None:
        """Takes the newest item away, from history too where the current turn has none."""
        before = self.manager.state
        zone = next((zone for zone in _ZONES if before[zone]), None)
        if zone is None:
            return None
        *rest, item = before[zone]
        left = {"version": before["version"], "long_lived": before["long_lived"], "short_term": []}
        self.manager.restore({**left, zone: rest})
        await self._changed(before)
        return cast("TResponseInputItem", as_sent(item))

    async def clear_session(self) -> None:
        """Begins the conversation anew, `initial_context` included."""
        before = self.manager.state
        self.manager.restore()
        await self._changed(before)

    async def _changed(self, before: State) -> None:
        """Tells of a change, which has not happened where that fails: the SDK tries it again."""
        if self._on_change is None:
            return
        try:
            told: Any = self._on_change(self.manager.to_json())
            if isawaitable(told):
                await told
        except BaseException:  # a cancelled save has not happened either
            self.manager.restore(before)
            raise


def _first_of_newest(items: list[Message], limit: int) -> int:
    """Where the newest `limit` items begin that can stand by themselves."""
    places = joints([read(item) for item in items])
    return next((n for n in places if n >= len(items) - limit), len(items))
