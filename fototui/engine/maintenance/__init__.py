"""What an engine does for all beside its jobs, a file a duty."""
