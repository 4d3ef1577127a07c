"""A picture in a terminal, on whichever surface it has."""
