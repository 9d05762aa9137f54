"""``Create``, ``Update`` and ``Public`` of a table class."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, ValidationError, computed_field, field_validator
from sqlalchemy import Computed

from velox.db import Create, Field, Model, Page, PageQuery, Public, Relationship, Update
from velox.errors import ConfigurationError


class Color(Enum):
    """A field's choices."""

    RED = "red"
    BLUE = "blue"


class Stamped(Model):
    """A mixin, as users write them."""

    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC), server_set=True)


class SchemaOwner(Model, table=True):
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    things: list[SchemaThing] = Relationship(back_populates="owner")


class SchemaThing(Stamped, table=True):
    """A thing with a field of every kind."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(min_length=3, max_length=8, pattern="^[a-z]+$", unique=True)
    hits: int = Field(default=0, ge=0, index=True)
    color: Color = Color.RED
    note: str | None = Field(default=None, max_length=5, description="free text")
    price: Decimal = Field(max_digits=6, decimal_places=2)
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    took: timedelta | None = None
    ratio: float | None = None
    tags: list[str] = Field(default_factory=list)
    blob: bytes = b""
    secret: str = Field(default="x", private=True)
    digest: str = Field(default="", private=True, server_set=True)
    doubled: int | None = Field(default=None, sa_column_args=[Computed("hits * 2")])
    owner_id: uuid.UUID | None = Field(default=None, foreign_key="schemaowner.id")
    owner: SchemaOwner | None = Relationship(back_populates="things")

    @field_validator("slug")
    @classmethod
    def slug_is_decent(cls, value: str) -> str:
        if value == "damn":
            raise ValueError("be polite")
        return value


THING = '{"slug": "abc", "price": "1.5"}'


def wrong(schema: Any, body: str) -> list[tuple[str, str]]:
    """The places and codes of what is wrong with ``body``."""
    with pytest.raises(ValidationError) as caught:
        schema.model_validate_json(body, strict=True)
    return [(str(error["loc"][0]), error["type"]) for error in caught.value.errors()]


def properties(schema: Any, mode: Any = "validation") -> dict[str, Any]:
    found: dict[str, Any] = schema.model_json_schema(mode=mode)["properties"]
    return found


def test_create_has_neither_keys_nor_server_set_computed_and_related_fields() -> None:
    """What the server makes is not the client's to send."""
    expected = [
        "slug",
        "hits",
        "color",
        "note",
        "price",
        "at",
        "day",
        "hour",
        "took",
        "ratio",
        "tags",
        "blob",
        "secret",
        "owner_id",
    ]
    assert set(expected) == set(Create[SchemaThing].model_fields)  # type: ignore[type-var, unused-ignore]


@pytest.mark.parametrize("name", ["id", "created_at", "digest", "doubled", "owner", "nonsense"])
def test_an_input_that_is_not_the_clients_is_refused(name: str) -> None:
    """A server-set or unknown field in a body is an error, not ignored."""
    assert [(name, "extra_forbidden")] == wrong(Create[SchemaThing], json.dumps({**json.loads(THING), name: 1}))
    assert [(name, "extra_forbidden")] == wrong(Update[SchemaThing], json.dumps({name: 1}))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slug": "ab"}, "string_too_short"),
        ({"slug": "abcdefghi"}, "string_too_long"),
        ({"slug": "ABC"}, "string_pattern_mismatch"),
        ({"slug": "damn"}, "value_error"),
        ({"slug": None}, "string_type"),
        ({"hits": -1}, "greater_than_equal"),
        ({"hits": 2**63}, "less_than_equal"),
        ({"hits": "1"}, "int_type"),
        ({"color": "green"}, "enum"),
        ({"note": "longer"}, "string_too_long"),
        ({"price": "1.234"}, "decimal_max_places"),
        ({"price": "NaN"}, "finite_number"),
        ({"at": "2026-01-01T00:00:00"}, "timezone_aware"),
        ({"at": "0001-01-01T00:00:00+01:00"}, "datetime_range"),
        ({"hour": "10:00:00Z"}, "timezone_naive"),
        ({"took": "P999999999D"}, "time_delta_range"),
        ({"tags": None}, "list_type"),
    ],
)
def test_create_and_update_enforce_what_the_field_and_its_column_ask_for(change: dict[str, Any], code: str) -> None:
    """A table class validates nothing; its schemas validate everything, for making and for changing."""
    expected = [(next(iter(change)), code)]
    assert expected == wrong(Create[SchemaThing], json.dumps({**json.loads(THING), **change}))
    assert expected == wrong(Update[SchemaThing], json.dumps(change))


def test_no_number_that_json_cannot_write_gets_in() -> None:
    """SQLite stores NaN as NULL, and infinity has no JSON."""
    assert wrong(Create[SchemaThing], '{"slug": "abc", "price": 1, "ratio": 1e999}') == [("ratio", "finite_number")]


def test_create_fills_in_the_defaults() -> None:
    """What may be left out has the field's default; each body gets its own list."""
    first, second = (Create[SchemaThing].model_validate_json(THING) for _ in range(2))
    assert (first.hits, first.color, first.note, first.tags) == (0, Color.RED, None, [])
    assert first.tags is not second.tags


def test_a_moment_is_kept_in_utc() -> None:
    """What is validated is what will be read back."""
    body = Create[SchemaThing].model_validate_json('{"slug": "abc", "price": 1, "at": "2026-01-01T01:00:00+01:00"}')
    assert datetime(2026, 1, 1, tzinfo=UTC) == body.at
    assert body.at is not None
    assert timedelta(0) == body.at.utcoffset()


def test_create_requires_exactly_what_has_no_default() -> None:
    """The JSON schema says so too."""
    assert Create[SchemaThing].model_json_schema()["required"] == ["slug", "price"]


def test_update_requires_nothing_and_documents_no_default() -> None:
    """A default would promise that leaving a field out sets it; ``null`` is documented where the column takes it."""
    schema = Update[SchemaThing].model_json_schema()
    assert "required" not in schema
    assert not [name for name, field in schema["properties"].items() if "default" in field]
    assert schema["properties"]["slug"]["type"] == "string"
    assert {"type": "null"} in schema["properties"]["note"]["anyOf"]


def test_update_tells_a_null_from_nothing() -> None:
    """``model_fields_set`` has what was sent."""
    assert {"note"} == Update[SchemaThing].model_validate_json('{"note": null}').model_fields_set
    assert set() == Update[SchemaThing].model_validate_json("{}").model_fields_set


def test_applying_an_update_sets_only_what_was_given() -> None:
    """The rest keeps its value, and a given ``null`` is set."""
    thing = SchemaThing(slug="abc", hits=3, note="n", price=Decimal(1))
    assert thing is thing.apply(Update[SchemaThing].model_validate_json('{"note": null, "slug": "xyz"}'))
    assert (thing.slug, thing.hits, thing.note) == ("xyz", 3, None)


def test_a_row_is_made_of_a_body_and_what_the_server_adds() -> None:
    """The server's values win, and a name that is no column is a mistake."""
    body = Create[SchemaThing].model_validate_json(THING)
    thing = SchemaThing.from_(body, hits=7, digest="d")
    assert ("abc", 7, "d", Decimal("1.5")) == (thing.slug, thing.hits, thing.digest, thing.price)
    with pytest.raises(TypeError, match="SchemaThing has no hist"):
        SchemaThing.from_(body, hist=7)


def test_public_has_every_column_but_the_private_ones() -> None:
    """What is private never leaves."""
    shown = set(SchemaThing.model_fields) - {"secret", "digest"}
    assert shown == set(Public[SchemaThing].model_fields)


def test_public_promises_every_field_and_a_key_that_is_never_null() -> None:
    """A stored row is complete."""
    schema = Public[SchemaThing].model_json_schema(mode="serialization")
    assert set(schema["properties"]) == set(schema["required"])
    assert schema["properties"]["id"]["type"] == "integer"
    assert {"type": "null"} in schema["properties"]["note"]["anyOf"]


def test_public_serialises_rows_straight() -> None:
    """From the row's own values, without what is private and without relationships."""
    thing = SchemaThing(id=1, slug="abc", price=Decimal("1.50"), blob=b"\xff", took=timedelta(seconds=1))
    answer = json.loads(Public[SchemaThing].__pydantic_serializer__.to_json(thing))
    assert tuple(answer[name] for name in ("slug", "price", "blob", "took")) == ("abc", "1.50", "_w==", "PT1S")
    assert not {"secret", "digest", "owner"} & answer.keys()
    assert Public[SchemaThing].__velox_row__ is SchemaThing  # type: ignore[attr-defined, unused-ignore]


def test_schemas_are_named_after_their_table_and_made_once() -> None:
    """OpenAPI shows the names."""
    schemas: list[Any] = [Create[SchemaThing], Update[SchemaThing], Public[SchemaThing], PageQuery[SchemaThing]]
    names = ["SchemaThingCreate", "SchemaThingUpdate", "SchemaThingPublic", "SchemaThingPageQuery"]
    assert names == [schema.__name__ for schema in schemas]
    assert names == [schema.model_json_schema()["title"] for schema in schemas]
    assert schemas == [Create[SchemaThing], Update[SchemaThing], Public[SchemaThing], PageQuery[SchemaThing]]
    assert Page[Public[SchemaThing]].__name__ == "SchemaThingPublicPage"


def test_the_documentation_of_a_field_comes_along() -> None:
    """For making, changing and reading."""
    for schema in (Create[SchemaThing], Update[SchemaThing], Public[SchemaThing]):
        assert properties(schema)["note"]["description"] == "free text"


class SchemaCustom(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    size: int = 0

    class Create(BaseModel):
        """Only the name."""

        name: str

    class Public(BaseModel):
        name: str
        size: int

        @computed_field  # type: ignore[prop-decorator]
        @property
        def label(self) -> str:
            return f"{self.name} ({self.size})"


class SchemaNarrow(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    size: int = 0

    class Public(BaseModel):
        name: str


def test_a_nested_class_takes_the_derived_ones_place_under_a_name_that_says_whose_it_is() -> None:
    """Otherwise OpenAPI would have many schemas called Create."""
    assert issubclass(Create[SchemaCustom], SchemaCustom.Create)
    assert (
        Create[SchemaCustom].__name__,
        Create[SchemaCustom].model_json_schema()["description"],
    ) == ("SchemaCustomCreate", "Only the name.")
    assert {"name", "size"} == set(Update[SchemaCustom].model_fields)
    assert SchemaCustom.from_(Create[SchemaCustom](name="n")).name == "n"


def test_a_nested_public_takes_rows_only_if_it_shows_columns_as_they_are() -> None:
    """A computed field needs an instance of the nested class to compute from."""
    assert not hasattr(Public[SchemaCustom], "__velox_row__")
    assert Public[SchemaNarrow].__velox_row__ is SchemaNarrow  # type: ignore[attr-defined, unused-ignore]


class SchemaOdd(Model, table=True):
    id: int | None = Field(default=None, primary_key=True)

    class Create:
        pass


class NaturalKey(Model, table=True):
    code: str = Field(primary_key=True, max_length=3)
    name: str


class Plain(BaseModel):
    x: int


def test_a_key_that_nobody_else_makes_is_sent_when_creating() -> None:
    """A primary key without a default is the client's; it is never changed."""
    assert {"code", "name"} == set(Create[NaturalKey].model_fields)
    assert {"name"} == set(Update[NaturalKey].model_fields)


@pytest.mark.parametrize("schema", [Create, Update, Public, PageQuery])
@pytest.mark.parametrize("thing", [Plain, int, Stamped, "SchemaThing", TypeVar("TypeVar")])
def test_a_schema_of_what_is_no_table_class_is_refused(schema: Any, thing: Any) -> None:
    """With the name of what is wrong and what to do."""
    with pytest.raises(ConfigurationError, match=r"VX403 .*needs a table class.*table=True"):
        schema[thing]


def test_a_nested_schema_that_is_no_pydantic_model_is_refused() -> None:
    """It could not validate anything."""
    with pytest.raises(ConfigurationError, match=r"VX403 SchemaOdd.Create is not a plain pydantic model"):
        Create[SchemaOdd]


def test_a_page_query_sorts_by_the_key_and_indexed_columns_only() -> None:
    """Sorting by anything else reads the whole table for one page."""
    schema = properties(PageQuery[SchemaThing])
    assert schema["sort"]["enum"] == ["id", "-id", "slug", "-slug", "hits", "-hits"]
    assert tuple(schema[name]["default"] for name in ("sort", "limit", "offset")) == ("id", 20, 0)


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"offset": 2**31 + 1}, {"sort": "x"}])
def test_a_page_query_has_bounds(query: dict[str, Any]) -> None:
    """So that no query asks for everything."""
    with pytest.raises(ValidationError):
        PageQuery[SchemaThing](**query)
