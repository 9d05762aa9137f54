"""``python -m velox`` is the ``velox`` command."""

from velox.cli.main import main

if __name__ == "__main__":
    main()
