"""The shelf: a table class served as list, get, create, replace, patch, delete, bulk and export."""

from velox.resources.actions import Action, ActionName
from velox.resources.page import ResourcePage
from velox.resources.resource import Resource

__all__ = ["Action", "ActionName", "Resource", "ResourcePage"]
