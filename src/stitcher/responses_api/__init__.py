"""The state of the Responses API: where a response id is found, and what is asked of it later."""
