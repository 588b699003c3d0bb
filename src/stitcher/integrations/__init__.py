"""The library inside agent frameworks: one module for each, which needs that framework."""
