"""Versions of a picture: asked for, tried again, chosen, undone."""
