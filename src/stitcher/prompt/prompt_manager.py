"""One conversation in memory: its state, and the settings it is kept by.

Every method does what the function of that name in `stitcher.functional` does; what is added is
memory: the history is counted as it grows, and what was built is lent again. Not for several
threads at once.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Generic, Literal, Self, TypeVar, Unpack, overload

from stitcher.messages.reading import Message, Tool
from stitcher.prompt.accepting import accepted
from stitcher.prompt.adapters.provider_adapter import ProviderAdapter
from stitcher.prompt.assembly import Assembled, Placed, Zones, assembled_from, prefix_of
from stitcher.prompt.bound_thinking import asked, stale_before
from stitcher.prompt.compaction import compacted
from stitcher.prompt.config import PromptConfig, Settings, configured
from stitcher.prompt.hook_calls import Steps, arun, run
from stitcher.prompt.lender import Lender
from stitcher.prompt.sending import expect_dynamic, finished, requested, with_context
from stitcher.prompt.state import (
    State,
    copy_state,
    keyed,
    loads,
    new_state,
    validate_state,
    written,
)
from stitcher.prompt.steps import each, history_budget
from stitcher.prompt.tally import Tally
from stitcher.prompt.transitions import appended, transitioned

Value = TypeVar("Value")


class _Setting(Generic[Value]):
    """One setting of the manager's configuration, under its own name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, manager: "PromptManager", owner: type) -> Value:
        value: Value = getattr(manager.config, self._name)
        return value

    def __set__(self, manager: "PromptManager", value: Value) -> None:
        changed: dict[str, Any] = {self._name: value}
        manager.config = replace(manager.config, **changed)


class PromptManager:
    """Keeps one conversation, and builds its prompts so that the provider's cache hits.

    Takes a `PromptConfig` or its settings as keywords (or both, the keywords winning), and a state
    to go on from. Compacts by itself when `max_tokens` is set. Methods that change the conversation
    return the manager; where one raises, nothing has changed.

    Raises TypeError or ValueError for settings or a state that cannot be used.
    """

    config: PromptConfig
    static_system_prompt = _Setting[str]()
    adapter = _Setting[ProviderAdapter]()
    max_tokens = _Setting[int | None]()

    def __init__(
        self,
        config: PromptConfig | str | None = None,
        *,
        state: State | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self.config = configured(config, settings, first="static_system_prompt")
        if state is not None and settings.get("initial_context") is not None:
            raise ValueError("found both a state and an initial_context, expected one of them")
        self.restore(state)

    @property
    def state(self) -> State:
        """A copy of the conversation's state, a JSON value."""
        return copy_state(self._state)

    @property
    def long_lived_history(self) -> list[Message]:
        """A copy of the messages that stay."""
        return list(self.state["long_lived"])

    @property
    def short_term_history(self) -> list[Message]:
        """A copy of the messages of the current turn."""
        return list(self.state["short_term"])

    def restore(self, state: State | None = None) -> Self:
        """Goes on from a state, or begins a new conversation where there is none.

        Raises TypeError or ValueError for what is no state.
        """
        if state is None:
            self._state = new_state(self.config.initial_context, self.config.context_key)
        else:
            self._state = copy_state(validate_state(state))
        self._tally = Tally()
        self._history = Lender()
        self._current = Lender()
        return self

    def append(self, message: object) -> Self:
        """Adds a message: a dict of any provider's, or an SDK's object for one.

        Raises TypeError or ValueError for what is no message, HookError.
        """
        return self._do(run(self._adding([accepted(message)])))

    def append_many(self, messages: Iterable[object]) -> Self:
        """Adds several messages; all of them, or none where one cannot be used."""
        return self._do(run(self._adding([accepted(message) for message in each(messages)])))

    def append_context(self, content: str, key: str | None = None) -> Self:
        """Adds durable context under a key: an update of what was said under it before."""
        return self._do(
            run(self._adding([keyed(content, self.config.context_key if key is None else key)]))
        )

    def transition(self) -> Self:
        """Makes the current turn history. Calls whose results are still to come stay in it."""
        return self._do(run(self._transitioning()))

    def compact(self) -> Self:
        """Compacts the long-lived history, if it is over its budget."""
        return self._do(run(self._settling(self._state, self.config)))

    def compact_for_request(self, request_budget: int, reserved_tokens: int = 0) -> Self:
        """Compacts so that a whole request fits into `request_budget` tokens.

        History may be what the static prompt and `reserved_tokens` leave. Raises ValueError where
        nothing is left.
        """
        return self._do(run(self._fitting(request_budget, reserved_tokens)))

    async def aappend(self, message: object) -> Self:
        """`append` with async hooks."""
        return self._do(await arun(self._adding([accepted(message)])))

    async def aappend_many(self, messages: Iterable[object]) -> Self:
        """`append_many` with async hooks."""
        new = [accepted(message) for message in each(messages)]
        return self._do(await arun(self._adding(new)))

    async def aappend_context(self, content: str, key: str | None = None) -> Self:
        """`append_context` with async hooks."""
        new = keyed(content, self.config.context_key if key is None else key)
        return self._do(await arun(self._adding([new])))

    async def atransition(self) -> Self:
        """`transition` with async hooks."""
        return self._do(await arun(self._transitioning()))

    async def acompact(self) -> Self:
        """`compact` with async hooks."""
        return self._do(await arun(self._settling(self._state, self.config)))

    async def acompact_for_request(self, request_budget: int, reserved_tokens: int = 0) -> Self:
        """`compact_for_request` with async hooks."""
        return self._do(await arun(self._fitting(request_budget, reserved_tokens)))

    @overload
    def build_messages(
        self,
        dynamic_system_prompt: str | None = None,
        apply_cache_markers: bool = True,
        with_metadata: Literal[False] = False,
    ) -> list[Message]: ...

    @overload
    def build_messages(
        self,
        dynamic_system_prompt: str | None = None,
        apply_cache_markers: bool = True,
        *,
        with_metadata: Literal[True],
    ) -> tuple[list[Message], dict[str, Any]]: ...

    def build_messages(
        self,
        dynamic_system_prompt: str | None = None,
        apply_cache_markers: bool = True,
        with_metadata: bool = False,
    ) -> list[Message] | tuple[list[Message], dict[str, Any]]:
        """The messages of one request: static system, long-lived, dynamic context, current turn.

        The list is the caller's, to do with as it likes. With metadata: where the stable stretches
        end (`boundaries`), how many messages stay (`prefix_message_count`), and tokens
        (`prefix_tokens`, `suffix_tokens`, `total_tokens`).
        """
        prompt = self._assembled(dynamic_system_prompt)
        return finished(prompt, self.config, markers=apply_cache_markers, told=with_metadata)

    def build_request(
        self,
        dynamic_system_prompt: str | None = None,
        *,
        tools: Iterable[Tool] = (),
        **parameters: Any,
    ) -> dict[str, Any]:
        """The whole request, as the adapter's provider takes it: `create(**request)`.

        `parameters` are the adapter's own (`model`, `max_tokens`) and the provider's. Raises
        ValueError for what the provider would refuse, TypeError for an adapter that makes none.
        """
        prompt = self._assembled(dynamic_system_prompt)
        own = list(tools)
        self._state = asked(self._state, prompt, own, self.config)
        return requested(
            prompt, self.config, prompt.layout(stale_before(self._state)), own, parameters
        )

    def cache_prefix(self) -> tuple[Message, ...]:
        """What of the prompt stays the same from request to request until the next compaction."""
        return prefix_of(copy_state(self._state), self.config)

    def to_json(self, **json_settings: Any) -> str:
        """The state as JSON text; `json_settings` go to `json.dumps`."""
        return written(self._state, **json_settings)

    @classmethod
    def from_json(
        cls,
        payload: str | bytes,
        config: PromptConfig | str | None = None,
        **settings: Unpack[Settings],
    ) -> Self:
        """A manager that goes on where `to_json` was called. Raises TypeError, ValueError."""
        if settings.get("initial_context") is not None:
            raise ValueError("found both a state and an initial_context, expected one of them")
        manager = cls(config, **settings)
        manager._state = loads(payload)  # nobody else's: neither checked nor copied again
        return manager

    def _adding(self, messages: list[Message]) -> Steps[State]:
        grown = yield from appended(self._state, messages, self.config)
        return (yield from self._settling(grown, self.config))

    def _transitioning(self) -> Steps[State]:
        moved = yield from transitioned(self._state, self.config)
        return (yield from self._settling(moved, self.config))

    def _fitting(self, request_budget: int, reserved_tokens: int) -> Steps[State]:
        budget = history_budget(request_budget, reserved_tokens, self.config)
        return (yield from self._settling(self._state, replace(self.config, max_tokens=budget)))

    def _settling(self, state: State, config: PromptConfig) -> Steps[State]:
        """The state, compacted where that is due."""
        if config.effective_compaction_threshold is None:
            return state
        tokens = self._tally.tokens(state["long_lived"], config.adapter)
        return (yield from compacted(state, config, tokens=tokens))

    def _do(self, state: State) -> Self:
        self._state = state
        return self

    def _assembled(self, dynamic: str | None) -> Assembled:
        expect_dynamic(dynamic)
        before = self._state
        self._state = with_context(before, dynamic, self.config)
        history = self._history.lend(self._state["long_lived"])
        current = self._current.lend(self._state["short_term"])
        zones = Zones(history, current, self._history.markers + self._current.markers)
        return assembled_from(zones, self.config, dynamic, Placed.of(before, self._state))
