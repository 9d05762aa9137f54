"""A model's fields as typed on the command line: ``name:type[:unique|:index|:optional][=default]``."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from velox.errors import ConfigurationError

__all__ = ["FIELD_TYPES", "RESERVED", "FieldSpec", "FieldType", "parse_field", "parse_fields"]


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a type of the command line is in Python.

    Args:
        annotation: The Python type, as written.
        samples: Two valid JSON values that differ; the generated tests send them.
        arguments: What ``Field(...)`` gets for it: bounds that keep a client from storing novels.
        module: Where ``annotation`` is imported from. Default: it is built in.
        default: Makes Python source of a default from its text, or raises. ``None``: there is no default.
    """

    annotation: str
    samples: tuple[object, object]
    arguments: tuple[str, ...] = ()
    module: str = ""
    default: Callable[[str], str] | None = None


def _source_of_bool(text: str) -> str:
    return {"true": "True", "false": "False"}[text.lower()]


def _source_of_decimal(text: str) -> str:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return f'Decimal("{number}")'


def _source_of_float(text: str) -> str:
    return json.dumps(float(text), allow_nan=False)


def _source_of_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _source_of_date(text: str) -> str:
    day = date.fromisoformat(text)
    return f"date({day.year}, {day.month}, {day.day})"


FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType(
    {
        "str": FieldType("str", ("a word", "another"), ("min_length=1", "max_length=100"), default=_source_of_text),
        "text": FieldType("str", ("some text", "other text"), ("max_length=10_000",), default=_source_of_text),
        "url": FieldType(
            "str",
            ("https://example.com/", "https://example.org/a?b=c"),
            ('pattern=r"^https?://[a-zA-Z0-9.-]+(:[0-9]+)?([/?#][!-~]*)?$"', "max_length=2000"),
            default=_source_of_text,
        ),
        "int": FieldType("int", (3, 4), default=lambda text: str(int(text))),
        "float": FieldType("float", (1.5, -2.25), default=_source_of_float),
        "decimal": FieldType(
            "Decimal", ("9.99", "12.50"), ("max_digits=12", "decimal_places=2"), "decimal", _source_of_decimal
        ),
        "bool": FieldType("bool", (True, False), default=_source_of_bool),
        "date": FieldType("date", ("2030-01-31", "2031-12-01"), (), "datetime", _source_of_date),
        "datetime": FieldType("datetime", ("2030-01-31T12:00:00Z", "2031-12-01T00:00:01Z"), (), "datetime"),
        "uuid": FieldType(
            "UUID", ("6f1e8a52-5d3c-4b1e-9a6f-0c2d8b7e4a10", "0b9d7c3e-1f2a-4c5b-8d6e-7f8091a2b3c4"), (), "uuid"
        ),
        "json": FieldType("dict[str, Any]", ({"a": 1}, {"b": [2, None]}), (), "typing"),
    }
)
"""Every type of the command line."""

OPTIONS = ("unique", "index", "optional")
RESERVED = frozenset(
    {"id", "created_at", "bool", "date", "datetime", "float", "int", "str"}
    | {"apply", "construct", "copy", "dict", "from_", "from_orm", "json", "metadata", "parse_file", "parse_obj"}
    | {"parse_raw", "registry", "schema", "schema_json", "sqlmodel_update", "update_forward_refs", "validate"}
)
"""Names that a field cannot have: every model has them, or they hide the type that they are annotated with."""

_FIELD = re.compile(r"(?P<name>[^:=]*):(?P<type>[^:=]*)(?P<options>(:[^:=]*)*)(=(?P<default>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of the model to be written.

    Args:
        name: A Python identifier.
        type: What it holds.
        options: Any of :data:`OPTIONS`.
        default: Python source of the default. ``None``: there is none.
    """

    name: str
    type: FieldType
    options: frozenset[str] = frozenset()
    default: str | None = None

    @property
    def unique(self) -> bool:
        return "unique" in self.options

    @property
    def source(self) -> str:
        """The field's line in the class, not indented."""
        optional = "optional" in self.options
        default = self.default or ("None" if optional else None)
        switches = [f"{option}=True" for option in ("unique", "index") if option in self.options]
        arguments = [*self.type.arguments, *switches]
        annotation = f"{self.name}: {self.type.annotation}{' | None' if optional else ''}"
        if not arguments:
            return f"{annotation} = {default}" if default else annotation
        first = [f"default={default}"] if default else []
        return f"{annotation} = Field({', '.join([*first, *arguments])})"


def parse_fields(texts: Sequence[str]) -> tuple[FieldSpec, ...]:
    """The fields in the order given.

    Raises:
        ConfigurationError: VX503, for the first that is not understood, or is given twice.
    """
    fields = tuple(parse_field(text) for text in texts)
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError("VX503", f"the field {name!r} is given twice", hint="Give each field once.")
    return fields


def parse_field(text: str) -> FieldSpec:
    """One field from its text, such as ``slug:str:unique`` or ``hits:int=0``.

    Raises:
        ConfigurationError: VX503, with what is possible instead.
    """
    found = _FIELD.fullmatch(text)
    if found is None:
        raise _not_understood(
            text, "it has no type", f"Write {text.partition('=')[0] or 'title'}:str, or another of {_types()}."
        )
    name, kind = found["name"], found["type"]
    _check_name(text, name)
    if kind not in FIELD_TYPES:
        raise _not_understood(text, f"there is no type {kind!r}", f"The types are {_types()}.")
    options = frozenset(filter(None, found["options"].split(":")))
    if unknown := sorted(options.difference(OPTIONS)):
        raise _not_understood(text, f"there is no option {unknown[0]!r}", f"The options are {', '.join(OPTIONS)}.")
    if kind == "json" and options.intersection({"unique", "index"}):
        raise _not_understood(text, "a json field cannot be unique or indexed", "Leave the option out.")
    return FieldSpec(name, FIELD_TYPES[kind], options, _default(text, kind, found["default"]))


def _default(text: str, kind: str, value: str | None) -> str | None:
    if value is None:
        return None
    make = FIELD_TYPES[kind].default
    if make is None:
        raise _not_understood(text, f"a {kind} field has no default on the command line", "Write it into models.py.")
    try:
        return make(value)
    except (ArithmeticError, KeyError, ValueError) as error:
        article = "an" if kind[0] in "aeiou" else "a"
        raise _not_understood(
            text, f"{value!r} is not {article} {kind}", "Correct the default or leave it out."
        ) from error


def _check_name(text: str, name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        hint = "Use lower-case letters, digits and underscores, at most 40, starting with a letter."
        raise _not_understood(text, f"{name!r} is not a field name", hint)
    if name in RESERVED or name.startswith("model_"):
        hint = f"Every model has id and created_at already; call yours the_{name}, for example."
        raise _not_understood(text, f"the name {name!r} is taken", hint)


def _types() -> str:
    return ", ".join(FIELD_TYPES)


def _not_understood(text: str, why: str, hint: str) -> ConfigurationError:
    return ConfigurationError("VX503", f"field {text!r}: {why}", hint=hint)
