"""Settings: what there is, where each comes from, and how they are written down."""
