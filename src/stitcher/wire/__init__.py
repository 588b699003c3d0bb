"""Bytes to values and back, one module per dialect. Pure: nothing here waits for anything."""
