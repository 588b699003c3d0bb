"""`stitcher demo`: the main job, shown with the official SDKs against the simulated provider."""


def demo() -> None:
    """Show the main job, without a key or network."""
    raise NotImplementedError
