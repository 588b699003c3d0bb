"""Pure logic: no I/O, clock, randomness or async; never opens an item's bytes."""
