"""Books: what they are made of, and what an operator can do with them."""
