"""How each kind of job is done, a file a kind."""
