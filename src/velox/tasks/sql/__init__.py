"""The database as a queue, and as the place for whatever cannot run yet."""
