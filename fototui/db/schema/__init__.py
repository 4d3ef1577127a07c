"""The schema's history: which revision the program needs, and how to get there."""
