"""Calling the application's hooks, sync or async, from one description of what is to be done.

A step that needs a hook is a generator: it yields the call and is sent what the hook gave back. So
every rule is written once, and the two ways of waiting are here.
"""

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from stitcher.errors import HookError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HookCall:
    """A hook, the setting it came from, and what it is given."""

    setting: str
    hook: Callable[..., Any]
    arguments: tuple[Any, ...]

    @property
    def name(self) -> str:
        """What the hook is called in an error."""
        own = getattr(self.hook, "__name__", type(self.hook).__name__)
        return f"{self.setting} {own}"


Steps = Generator[HookCall, Any, Result]
"""A computation that calls hooks on its way to a result."""


def run(steps: Steps[Result]) -> Result:
    """The result, hooks called as they come. Raises HookError, also for an async hook."""
    answer: Any = None
    while True:
        try:
            call = steps.send(answer)
        except StopIteration as done:
            result: Result = done.value
            return result
        answer = _called(call)
        if inspect.isawaitable(answer):
            _close(answer)
            raise HookError(
                f"{call.name} is async, expected a function that returns at once; await the "
                "method of the same name that begins with an 'a' instead (aappend, acompact, ...)"
            )


async def arun(steps: Steps[Result]) -> Result:
    """The result, async hooks awaited. Raises HookError."""
    answer: Any = None
    while True:
        try:
            call = steps.send(answer)
        except StopIteration as done:
            result: Result = done.value
            return result
        answer = _called(call)
        if inspect.isawaitable(answer):
            try:
                answer = await answer
            except Exception as error:  # whatever the application's code raises
                raise _raised(call, error) from error


def _called(call: HookCall) -> Any:
    try:
        return call.hook(*call.arguments)
    except Exception as error:  # whatever the application's code raises
        raise _raised(call, error) from error


def _raised(call: HookCall, error: Exception) -> HookError:
    """The hook's own error is its cause: what it says may be anything, so it is not repeated."""
    return HookError(f"{call.name} raised {type(error).__name__}; nothing was changed")


def _close(awaitable: Any) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()  # else Python warns that nobody awaited it
