"""The laws of the design, as properties. Each says in its docstring how it was seen to fail."""
