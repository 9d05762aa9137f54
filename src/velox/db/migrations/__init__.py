"""Migrations: the history of a project's tables, on Alembic, driven from inside.

    history ◄─ moving ──► running ──► Alembic's op       up and down, one whole migration after the other
       ▲         ▲           └─► memory                   the types that migrations wrote
       │         │
    making ──► proving ──► cloning                        nothing is written that was not seen to work
       └─► drafting ──► comparing, renaming, filling, enums ──► writing

``history`` needs neither Alembic nor the models, so that a server can look at its start.
"""
