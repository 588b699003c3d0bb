"""One message of each API, as decoded values: who speaks, what it calls, how large it is."""
