"""The entry point `stitcher`: the command line, or what to install for it.

The library is installed without what the proxy and the command need.
"""

import sys


def main() -> None:
    """Runs the command line. Exits with 1 where its packages are not installed."""
    try:
        from stitcher.cli import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "stitcher":
            raise
        sys.exit(
            f"stitcher: found no package {missing.name!r}. The command and the proxy need it: "
            'pip install "stitcher-llm[proxy]"'
        )
    app.main()
