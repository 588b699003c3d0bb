"""Whether a client is on this machine: if not, its tests are skipped by name, on CI they fail."""

import importlib
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

CLIENTS = Path(__file__).parents[2] / ".clients"
LITELLM = Path(__file__).parents[2] / ".venv-litellm"
NODE = CLIENTS / "node_modules" / ".bin" / "node"
CLAUDE = CLIENTS / "node_modules" / ".bin" / "claude"


def client_package(name: str) -> Any:
    """A Python client. Imported by name: `make test` collects these files without it installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name is None or not name.startswith(missing.name):
            raise
        _absent(f"the Python package {name.partition('.')[0]}")


def node_modules() -> Path:
    """The folder of the JavaScript clients, with the node that runs them."""
    if not (CLIENTS / "installed").exists():
        _absent("the JavaScript clients (they need npm)")
    return CLIENTS / "node_modules"


def litellm_python() -> Path:
    """The interpreter of the environment that LiteLLM has for itself."""
    python = LITELLM / "bin" / "python"
    if not python.exists():
        _absent("LiteLLM")
    return python


def _absent(client: str) -> NoReturn:
    reason = f"{client}: not installed on this machine. To install: make test-clients"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
