"""What one request of a live run came to."""

from dataclasses import dataclass

from stitcher.providers.usage import CacheUsage


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as far as it costs."""

    usage: CacheUsage
    answered: int  # tokens of the answer
    seconds: float  # until it was there, whole
    told: bool = True  # something was said of the cache
