"""What was paid: kept per call, told per order, day, month, options and operator; a budget."""
