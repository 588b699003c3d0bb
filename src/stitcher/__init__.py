"""Stitcher: the memory between any client and any LLM API."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("stitcher-llm")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"

__all__ = ["__version__"]
