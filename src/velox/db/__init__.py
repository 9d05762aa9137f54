"""The record: table classes, sessions, and the schemas derived from tables."""

from sqlalchemy.orm import selectinload
from sqlmodel import Relationship, col, func, select

from velox._json import Json
from velox.db.database import Database
from velox.db.field import Field
from velox.db.integrity import integrity_problem, problem_for
from velox.db.loading import NotLoaded
from velox.db.mixins import SoftDelete, Timestamps, Versioned
from velox.db.model import Model
from velox.db.page import Page, PageQuery
from velox.db.reader import Reader, ReadOnly
from velox.db.rows import Rows
from velox.db.schemas import Create, Public, Update
from velox.db.session import NotAwaited, Session
from velox.db.watch import SharedSession
from velox.db.writer import Writer

__all__ = [
    "Create",
    "Database",
    "Field",
    "Json",
    "Model",
    "NotAwaited",
    "NotLoaded",
    "Page",
    "PageQuery",
    "Public",
    "ReadOnly",
    "Reader",
    "Relationship",
    "Rows",
    "Session",
    "SharedSession",
    "SoftDelete",
    "Timestamps",
    "Update",
    "Versioned",
    "Writer",
    "col",
    "func",
    "integrity_problem",
    "problem_for",
    "select",
    "selectinload",
]
