"""Tables: one for orders, one for all else, and the columns of each."""
