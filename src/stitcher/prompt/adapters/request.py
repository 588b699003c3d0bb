"""What every adapter that makes requests checks first."""

from collections.abc import Mapping

from stitcher.prompt.adapters.provider_adapter import ProviderAdapter


def expect_model(adapter: ProviderAdapter, model: str | None) -> str:
    """The model a request is for. Raises ValueError where nobody named one."""
    name = model or adapter.model
    if not name:
        kind = type(adapter).__name__
        raise ValueError(
            f"found no model, expected one: {kind}(model=...) or build_request(model=...)"
        )
    return name


def expect_none_of(parameters: Mapping[str, object], *names: str) -> None:
    """Raises TypeError where a parameter would take the place of what the adapter makes."""
    taken = [name for name in names if name in parameters]
    if taken:
        raise TypeError(
            f"found the parameter {taken[0]!r}, which is made from the messages; expected it not "
            "to be given"
        )
