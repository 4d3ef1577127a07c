"""Live events: publisher, subscriber, and an embedded hub."""
