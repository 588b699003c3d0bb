"""`stitcher start`: the proxy in the foreground, announced once it takes requests."""

from stitcher.cli.console import say
from stitcher.cli.options import Flags, load, setting_flags
from stitcher.settings import SETTINGS, Settings, check_exposure


@setting_flags(*(name for name in SETTINGS if name != "model"))
def start(flags: Flags) -> None:
    """Start the proxy. It runs until Ctrl-C."""
    settings = load(flags).resolved.settings
    check_exposure(settings)
    from stitcher.proxy.serve import run

    run(settings, lambda url: announce(settings, url))


def announce(settings: Settings, url: str) -> None:
    """The lines that say it runs; the first one is for programs as well."""
    say(f"Stitcher is listening on {url}")
    say(f"  conversations  {settings.data_dir}")
    say(f"  upstreams      {settings.upstream} (OpenAI), {settings.upstream_anthropic} (Anthropic)")
    if settings.mode != "stitch":
        say(f"  mode           {settings.mode}")
    say("  point a client at it: stitcher integrate")
