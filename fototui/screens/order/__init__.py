"""The screen of one order."""
