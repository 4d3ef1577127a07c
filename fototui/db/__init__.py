"""PostgreSQL: models, sessions that track changes, row locks, migrations."""
