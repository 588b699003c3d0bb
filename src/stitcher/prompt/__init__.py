"""The library: prompts laid out for the cache, for people who build their own application."""
