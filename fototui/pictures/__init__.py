"""Pictures for a terminal: loaded, decoded and scaled off the event loop, cached, bounded."""
