"""`encrypted_content` of reasoning and compaction items: made and verified without a memory.

It holds what it stands for and the id of the item it was made for, under a MAC; so it survives
restarts, and a byte changed anywhere is noticed. Not a secret: the simulator hides nothing.
"""

import base64
import binascii
import hmac
import json
from typing import Any

_KEY = b"simulated encrypted content"
# Real ones begin so: a Fernet token whose timestamp has leading zeros.
_OPENING = "gAAAA"
_MAC_BYTES = 32


def seal(item_id: str, content: Any) -> str:
    """The text that stands for any JSON value."""
    shown = json.dumps([item_id, content], separators=(",", ":")).encode()
    return _OPENING + base64.urlsafe_b64encode(_mac(shown) + shown).decode()


def unseal(text: Any) -> tuple[str, Any] | None:
    """The item's id and the content; None when this is not what `seal` made."""
    if not isinstance(text, str) or not text.startswith(_OPENING):
        return None
    try:
        raw = base64.b64decode(text.removeprefix(_OPENING), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    mac, shown = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(shown)):
        return None
    item_id, content = json.loads(shown)
    # Base64 has more than one spelling for some bytes.
    return (item_id, content) if seal(item_id, content) == text else None


def _mac(shown: bytes) -> bytes:
    return hmac.digest(_KEY, shown, "sha256")
