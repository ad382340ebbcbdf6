"""What each version of a journal's tables changed, as Alembic revisions: the same for SQLite and PostgreSQL."""
