"""What the product is about, with no I/O: statuses, options, events, errors, texts."""
