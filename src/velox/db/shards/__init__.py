"""Rows of one table in several databases: which is where, what is asked of which, and moving them."""
