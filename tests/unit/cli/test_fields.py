"""``name:type[:option][=default]`` becomes a line of the model."""

import keyword

import pytest

from velox.cli.fields import FIELD_TYPES, RESERVED, parse_field, parse_fields
from velox.db import Model
from velox.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("hits:int", "hits: int"),
        ("hits:int=0", "hits: int = 0"),
        ("hits:int:index=-1", "hits: int = Field(default=-1, index=True)"),
        ("hits:int:optional", "hits: int | None = None"),
        ("slug:str:unique", "slug: str = Field(min_length=1, max_length=100, unique=True)"),
        ("slug:str=a=b:c", 'slug: str = Field(default="a=b:c", min_length=1, max_length=100)'),
        ('slug:str="\\', 'slug: str = Field(default="\\"\\\\", min_length=1, max_length=100)'),
        ("body:text:optional", "body: str | None = Field(default=None, max_length=10_000)"),
        ("ratio:float=1", "ratio: float = 1.0"),
        ("price:decimal=1.50", 'price: Decimal = Field(default=Decimal("1.50"), max_digits=12, decimal_places=2)'),
        ("open:bool=true", "open: bool = True"),
        ("due:date=2030-01-31", "due: date = date(2030, 1, 31)"),
        ("at:datetime:index", "at: datetime = Field(index=True)"),
        ("key:uuid:unique:index", "key: UUID = Field(unique=True, index=True)"),
        (
            "home:url",
            r'home: str = Field(pattern=r"^https?://[a-zA-Z0-9.-]+(:[0-9]+)?([/?#][!-~]*)?$", max_length=2000)',
        ),
        ("extra:json", "extra: dict[str, Any]"),
    ],
)
def test_a_field_is_a_line_of_the_class(text: str, source: str) -> None:
    """Types bring their bounds; options and defaults go where Python wants them."""
    assert parse_field(text).source == source


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("title", "it has no type", "Write title:str"),
        ("title=x", "it has no type", "Write title:str"),
        ("title:varchar", "no type 'varchar'", ", ".join(FIELD_TYPES)),
        ("title:", "no type ''", ", ".join(FIELD_TYPES)),
        ("title:str:uniq", "no option 'uniq'", "unique, index, optional"),
        ("Title:str", "not a field name", "lower-case"),
        ("title?:str", "not a field name", "lower-case"),
        (":str", "not a field name", "lower-case"),
        ("class:str", "not a field name", "lower-case"),
        ("id:int", "is taken", "the_id"),
        ("model_config:str", "is taken", "the_model_config"),
        ("hits:int=many", "'many' is not an int", "Correct the default"),
        ("open:bool=yes", "'yes' is not a bool", "Correct the default"),
        ("ratio:float=nan", "'nan' is not a float", "Correct the default"),
        ("price:decimal=NaN", "'NaN' is not a decimal", "Correct the default"),
        ("price:decimal=x", "'x' is not a decimal", "Correct the default"),
        ("due:date=tomorrow", "'tomorrow' is not a date", "Correct the default"),
        ("extra:json={}", "no default on the command line", "models.py"),
        ("extra:json:unique", "cannot be unique", "Leave the option out"),
    ],
)
def test_a_wrong_field_is_refused_with_what_is_possible(text: str, reason: str, hint: str) -> None:
    """The refusal names the field, the reason and the remedy."""
    with pytest.raises(ConfigurationError, match="VX503") as refusal:
        parse_field(text)
    assert repr(text) in refusal.value.message
    assert reason in refusal.value.message
    assert hint in refusal.value.hint


def test_a_field_given_twice_is_refused() -> None:
    """A class body would silently keep the last one."""
    with pytest.raises(ConfigurationError, match="'title' is given twice"):
        parse_fields(["title:str", "hits:int", "title:text"])


def test_every_attribute_of_a_model_is_reserved() -> None:
    """A field may not hide what the model's base classes offer."""
    attributes = {name for name in dir(Model) if not name.startswith(("_", "model_"))}
    assert attributes - {name for name in attributes if keyword.iskeyword(name)} <= RESERVED
