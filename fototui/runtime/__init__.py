"""Puts the program together as the settings say, keeps an engine running, tries each service."""
