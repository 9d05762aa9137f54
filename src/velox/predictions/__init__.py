"""Predictions in the app's database: what models were asked and said, and what was true."""

from velox.predictions.journal import Journal, Logged

__all__ = ["Journal", "Logged"]
