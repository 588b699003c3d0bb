"""Contents of the Gemini API (https://ai.google.dev/api/caching#Content)."""
