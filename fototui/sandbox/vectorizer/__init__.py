"""Vectorizer.ai as far as the program speaks to it."""
