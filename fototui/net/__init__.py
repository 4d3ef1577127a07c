"""An ASGI app on this event loop, bounded exchanges, addresses that may be asked."""
