"""Outside services, one thin client each."""
