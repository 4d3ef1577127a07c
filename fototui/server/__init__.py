"""The shop without a terminal: an HTTP server beside an engine."""
