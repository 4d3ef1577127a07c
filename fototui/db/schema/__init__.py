"""The schema of a database: what is there, what is to be done, what differs; copies of it all."""
