"""Measurements: what is claimed of Stitcher's speed, and what the claims rest on."""
