"""Everything that can go wrong, by whose fault it is. Imports nothing.

StitcherError
├── ClientError            what the client sent cannot be used (400)
│   ├── NotAuthorised      no or wrong proxy token, or no credential where tenancy needs one (401)
│   └── BodyTooLarge       the body is larger than the proxy reads (413)
├── UpstreamError          the provider could not be spoken to (502)
│   └── UpstreamTimeout    the provider did not answer in time (504)
├── StoreError             the log could not be read or written (500)
│   └── DataDirLocked      another process owns the data directory
├── HookError              a hook of the application raised, or gave back what cannot be used
└── SettingsError          a flag, environment variable or the configuration file is wrong

A message says what was found, what was expected and, where there is one, the fix. No message
contains a message body or a key.
"""


class StitcherError(Exception):
    """The root: catch it to catch everything this package raises on purpose."""

    status = 500


class ClientError(StitcherError):
    """The request is at fault; the answer has the shape of the client's own dialect."""

    status = 400


class NotAuthorised(ClientError):
    """The caller may not use this proxy, or cannot be told apart from other callers."""

    status = 401


class BodyTooLarge(ClientError):
    """The request body is larger than the proxy reads into memory."""

    status = 413

    def __init__(self, *, found: int | None, limit: int) -> None:
        self.found = found
        self.limit = limit
        size = "more" if found is None else f"{found:,} bytes"
        super().__init__(f"request body: found {size}, expected at most {limit:,} bytes")


class UpstreamError(StitcherError):
    """The provider refused the connection, closed early or sent something that is not HTTP."""

    status = 502


class UpstreamTimeout(UpstreamError):
    """The provider did not answer within the time allowed."""

    status = 504


class StoreError(StitcherError):
    """The log could not be read or written; the conversation goes on without memory."""


class DataDirLocked(StoreError):
    """One process owns a data directory at a time."""


class HookError(StitcherError):
    """A hook that the application passed in did not do what it is for; nothing was changed."""


class SettingsError(StitcherError):
    """A setting has a value that cannot be used."""
