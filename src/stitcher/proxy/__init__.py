"""The only place that speaks HTTP with clients and providers."""
