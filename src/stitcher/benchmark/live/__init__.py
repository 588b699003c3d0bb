"""The benchmark with a key of one's own: the same conversations, sent to a provider."""
