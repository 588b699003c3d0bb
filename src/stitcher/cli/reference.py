"""Writes the pages that are made from the code: settings, commands, names, one for each client.

python -m stitcher.cli.reference [DOCS]     (default: docs)
"""

import contextlib
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from stitcher.cli import library_reference
from stitcher.cli.app import app
from stitcher.cli.guides import TARGETS, page
from stitcher.cli.options import shown_default
from stitcher.settings import CONFIG_ENV, SETTINGS, Setting, Settings

_WIDTH: Final = 80
_MADE: Final = "<!-- Made by `python -m stitcher.cli.reference`; change the code instead. -->\n"


def pages() -> Mapping[str, str]:
    """Each page's text by its path below docs/."""
    found = {
        "reference/settings.md": _settings(),
        "reference/cli.md": _commands(),
        "reference/library.md": library_reference.page(_MADE),
    }
    for target in TARGETS:
        found[f"clients/{target}.md"] = page(target, Settings())
    return found


def _settings() -> str:
    rows = "\n".join(_row(row) for row in SETTINGS.values())
    return f"""# Settings

{_MADE}
Each setting can be given as a flag of `stitcher start`, as an environment variable or in the
configuration file; the first of these that has it counts. `stitcher config` prints what is in
force and where it comes from.

The configuration file is `~/.stitcher/config.json` (`{CONFIG_ENV}` names another place): a JSON
object whose keys are the names below. `stitcher init` and `stitcher config set NAME VALUE` write
it so that only its owner can read it. Keys it does not know are kept, and warned about. An
environment variable that is empty, or a `null` in the file, says nothing.

| name | flag | environment | default | meaning |
|---|---|---|---|---|
{rows}
"""


def _row(row: Setting) -> str:
    flag = " ".join(f"`{part}`" for part in row.flag.split("/"))
    values = f" One of: {', '.join(row.choices)}." if row.choices else ""
    default = f"`{shown_default(row)}`" if row.default is not None else ""
    secret = " Shown as `***`." if row.secret else ""
    doc = f"{row.doc}{values}{secret}"
    return f"| `{row.name}` | {flag} | `{row.env}` | {default} | {doc} |"


def _commands() -> str:
    sections = [
        f"## {path}\n\n```text\n{text}\n```\n" for path, text in _help(get_command(app), "stitcher")
    ]
    return (
        f"# Commands\n\n{_MADE}\n`stitcher-proxy` is another name of the same command.\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 not running (`status`).\n\n"
        + "\n".join(sections)
    )


def _help(command: Any, path: str, parent: Any = None) -> Iterator[tuple[str, str]]:
    name = path.rpartition(" ")[2]
    context = command.make_context(
        name, [], parent=parent, resilient_parsing=True, terminal_width=_WIDTH
    )
    with contextlib.redirect_stdout(io.StringIO()):  # not a terminal: plain text
        text = command.get_help(context)
    yield path, text.strip()
    for each in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _help(command.commands[each], f"{path} {each}", context)


def main() -> None:
    """Writes the pages below the directory named."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name, text in pages().items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
