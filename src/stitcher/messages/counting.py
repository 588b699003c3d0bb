"""How large a message is, in tokens: its texts counted, everything else by what it shows.

Knows nothing of roles or conversations. The counts are before calibration.
"""

from collections.abc import Callable
from dataclasses import dataclass

from stitcher.core.tokens import estimate
from stitcher.messages.images import document_tokens, image_tokens
from stitcher.messages.json_text import json_text

AROUND_CALL = 8  # tokens a provider frames a call or a result with
MOST_OF_A_FILE = 8_000  # bytes: base64 says nothing of tokens


def utf8_length(text: str) -> int:
    """Bytes of a text. A lone half of a surrogate pair, which UTF-8 cannot say, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts what one provider's models read.

    `family` names the provider's API, as in `core.tokens`; `exact` counts a text by the model's own
    vocabulary where there is one.
    """

    family: str
    exact: Callable[[str], int] | None = None

    def text(self, text: object) -> int:
        """Tokens of a text; nothing for no text."""
        if text is None:
            return 0
        said = text if isinstance(text, str) else json_text(text)
        if self.exact is not None:
            return self.exact(said)
        return estimate(utf8_length(said), self.family)

    def opaque(self, size: int) -> int:
        """Tokens of `size` bytes that no vocabulary says anything of."""
        return estimate(size, self.family)

    def file(self, value: object) -> int:
        """Tokens of a file or of a sound, of which only the JSON is known."""
        return self.opaque(min(utf8_length(json_text(value)), MOST_OF_A_FILE))

    def call(self, name: object, arguments: object) -> int:
        """Tokens of a tool call."""
        return self.text(name) + self.text(arguments) + AROUND_CALL

    def image(self, data: object) -> int:
        """Tokens of an image in base64 or at a URL."""
        return image_tokens(str(data or ""), self.family)

    def document(self, data: object) -> int:
        """Tokens of a PDF in base64 or at a URL."""
        return document_tokens(str(data or ""))
