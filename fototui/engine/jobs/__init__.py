"""A job as a row: claims, transitions, and what each table needs for them."""
