"""The providers' prefix caches under one contract: what a request reads, what it writes, till when.

Pure but for their own entries: the time is passed in. They need no HTTP: given chains of links, a
benchmark uses them directly.
"""

from stitcher.simulator.block_cache import BlockCache
from stitcher.simulator.breakpoint_cache import HOUR, LOOKBACK, BreakpointCache
from stitcher.simulator.openai_cache import AutomaticCache, BoundaryCache, IntervalCache
from stitcher.simulator.prefix_cache import PrefixCache, SlotCache
from stitcher.simulator.reading import Cache, Mark, Reading
from stitcher.simulator.unit_cache import UnitCache

__all__ = [
    "HOUR",
    "LOOKBACK",
    "AutomaticCache",
    "BlockCache",
    "BoundaryCache",
    "BreakpointCache",
    "Cache",
    "IntervalCache",
    "Mark",
    "PrefixCache",
    "Reading",
    "SlotCache",
    "UnitCache",
]
