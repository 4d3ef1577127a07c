"""The work itself: lanes, jobs, figures, the activity log, who is here, API tokens."""
