"""All tables: orders with their pictures and versions, operations, what comes in."""
