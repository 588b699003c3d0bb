"""Every setting once: name, type, default, environment variable, what it means.

A second place for a default is a bug. Flags, `STITCHER_*` variables, the configuration file and
the reference page are all made from `SETTINGS`.
"""
