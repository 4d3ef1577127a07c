"""Events out of what a database session changed."""
