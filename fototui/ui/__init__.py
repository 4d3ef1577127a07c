"""The app's own state: actions and their keys, theme, preferences, presence, the last choice."""
