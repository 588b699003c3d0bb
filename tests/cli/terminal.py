"""The command on a pseudo-terminal, with somebody who types."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence


def on_terminal(
    arguments: list[str],
    *,
    answers: Sequence[tuple[str, str]] = (),
    exit_code: int = 0,
    **environ: str,
) -> str:
    """Runs the command on a pseudo-terminal; types an answer when its question has appeared."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "stitcher.cli.app", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | environ,
        start_new_session=True,
    )
    os.close(theirs)
    said, waiting, seen = "", list(answers), 0
    try:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not data:
                break
            said += data.decode(errors="replace")
            if "\x1b[6n" in said[seen:]:  # it asks where the cursor is
                os.write(ours, b"\x1b[1;1R")
            if waiting and waiting[0][0] in said[seen:]:
                os.write(ours, waiting.pop(0)[1].encode())
                seen = len(said)
        assert process.wait(20) == exit_code, said
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()
    assert not waiting, said
    return said


def without_codes(text: str) -> str:
    """The text without the codes that move the cursor and set colours."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
