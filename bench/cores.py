"""Which core a process has: what is measured the first, all else the others."""

import os
from contextlib import suppress


def pin(*, aside: bool) -> None:
    """Puts this process on the first core, for what is measured, or on the others."""
    cores = os.cpu_count() or 1
    if cores > 1:
        with suppress(OSError):  # a container may not own that core: measured unpinned then
            os.sched_setaffinity(0, range(1, cores) if aside else range(1))
