"""Runs a measurement of bench/ as its README says, and reads what it prints."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent.parent


def printed(bench: str, *flags: str) -> Any:
    """Its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{bench}", "--json", *flags],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
