"""The context window that a model's name declares: `sim-ctx-2000`, `claude-sim-ctx-2000`."""

import re

_DECLARED = re.compile(r"(?:claude-)?sim-ctx-(\d+)")


def context_window(model: str) -> int | None:
    """The window in tokens; None for a model whose name declares none, which has no limit."""
    declared = _DECLARED.fullmatch(model)
    return int(declared.group(1)) if declared else None
