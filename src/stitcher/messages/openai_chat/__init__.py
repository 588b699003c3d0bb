"""Chat Completions messages (https://platform.openai.com/docs/api-reference/chat)."""
