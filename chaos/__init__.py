"""Chaos: real processes on a real PostgreSQL, everything that can go wrong, then an audit.

`python -m chaos` runs it; the last line on stdout is one JSON object.
"""
