"""The proxy: the only layer that speaks HTTP. Thin, so that it can be replaced."""
