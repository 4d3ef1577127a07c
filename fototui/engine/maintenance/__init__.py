"""What any engine does for all of them, beside its jobs: each duty has a task of its own."""
