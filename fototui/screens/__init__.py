"""One module per screen. Screens call services through the backend and render the live store."""
