"""The only place that keeps anything."""
