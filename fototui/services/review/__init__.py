"""What waits for a decision, and who has it before them."""
