"""Adapters: how one provider counts tokens, marks its cache and takes a request."""
