"""A provider on loopback that is as strict as the real ones."""
