"""The work itself: lanes, jobs, stats, the activity log, who is here, API tokens."""
