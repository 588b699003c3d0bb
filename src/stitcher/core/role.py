"""Who speaks, in the words that all dialects are read into."""

from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]
