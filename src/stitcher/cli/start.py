"""`stitcher start`: the proxy in the foreground, announced once it takes requests."""

import errno

from stitcher.cli.console import say
from stitcher.cli.options import Flags, load, setting_flags
from stitcher.errors import StitcherError
from stitcher.settings import SETTINGS, Settings, check_exposure


@setting_flags(*(name for name in SETTINGS if name != "model"))
def start(flags: Flags) -> None:
    """Start the proxy. It runs until Ctrl-C."""
    settings = load(flags).resolved.settings
    check_exposure(settings)
    from stitcher.proxy.serve import run

    try:
        run(settings, lambda url: announce(settings, url))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise StitcherError(refusal(settings, error)) from None


def announce(settings: Settings, url: str) -> None:
    """The lines that say it runs; the first one is for programs as well."""
    say(f"Stitcher is listening on {url}")
    say(f"  conversations  {settings.data_dir}")
    say(f"  upstreams      {settings.upstream} (OpenAI), {settings.upstream_anthropic} (Anthropic)")
    if settings.mode != "stitch":
        say(f"  mode           {settings.mode}")
    say("  point a client at it: stitcher integrate")


def refusal(settings: Settings, error: OSError) -> str:
    """Why the address cannot be listened on, and what to do."""
    place = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        fix = "another program has it; choose another with --port, or see: stitcher status"
    elif error.errno == errno.EACCES:
        fix = "this user may not; choose a port above 1023 with --port"
    else:
        fix = "this machine does not have that address; choose another with --host"
    return f"cannot listen on {place}: {fix}"
