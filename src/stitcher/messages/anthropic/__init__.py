"""Messages of Anthropic's Messages API (https://docs.anthropic.com)."""
