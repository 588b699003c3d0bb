"""The configuration file: where it is, how it is read, and that only its owner can read it.

Refuses to know which settings there are: keys it does not understand are kept.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stitcher.errors import SettingsError
from stitcher.settings import CONFIG_ENV


def location(environ: Mapping[str, str]) -> Path:
    """`STITCHER_CONFIG`, else ~/.stitcher/config.json."""
    return Path(environ.get(CONFIG_ENV, "").strip() or "~/.stitcher/config.json").expanduser()


def read(path: Path) -> dict[str, Any]:
    """The file's object; an absent file is an empty one. Raises SettingsError when unreadable."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path}: byte {error.start} is not UTF-8, expected a JSON file in UTF-8"
        ) from None
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"{path}: {where}: not JSON: {error.msg}") from None
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply to be a configuration") from None
    if not isinstance(value, dict):
        raise SettingsError(
            f'{path}: found a JSON {_kind(value)}, expected an object such as {{"port": 8081}}'
        )
    return value


def _kind(value: object) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Replaces the file in one step; nobody but its owner can read it, not even for a moment."""
    target = path.resolve()  # a link to the file stays a link
    data = (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".config-", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:  # mkstemp makes it 0600
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None


def readable_by_others(path: Path) -> bool:
    """True when somebody else on this machine can read the file (never on Windows)."""
    if os.name == "nt":
        return False
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False
