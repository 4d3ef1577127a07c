"""One module per screen. Screens call services through the desk and render the live store."""
