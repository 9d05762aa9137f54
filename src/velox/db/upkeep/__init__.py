"""Work on the content of a database as a whole: ``velox db``."""
