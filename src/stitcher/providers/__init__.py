"""What is known about providers and their models, as data with sources and dates."""
