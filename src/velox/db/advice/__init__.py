"""What a database does for its statements, what is slow about that, and which index would help."""
