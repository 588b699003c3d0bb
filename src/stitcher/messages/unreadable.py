"""The one error of whatever reads a message."""


class Unreadable(ValueError):
    """A message is not what its API expects. The error says what was found, not what was said."""
