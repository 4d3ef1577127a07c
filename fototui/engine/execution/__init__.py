"""A job under way: its attempt, its steps, what becomes of failures."""
