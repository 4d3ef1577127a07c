"""Orders: made by hand, read, named."""
