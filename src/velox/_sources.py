"""Where a setting comes from, and how to say that it is wrong.

option  >  argument  >  environment  >  .env  >  velox.toml  >  default
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dotenv import dotenv_values
from pydantic import AliasChoices, BaseModel, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from velox.errors import ConfigurationError

__all__ = [
    "DOTENV_FILE",
    "PREFIX",
    "TOML_FILE",
    "Sourced",
    "mask",
    "options",
    "read_dotenv",
    "read_toml",
    "variables",
]

PREFIX = "VELOX_"
DOTENV_FILE = ".env"
TOML_FILE = "velox.toml"

_DELIMITER = "__"
_SECRET_NAME = re.compile(r"secret|password|passwd|token|api_?key|private_?key", re.IGNORECASE)
# Greedy up to the last "@": a password may hold any character, and masking too much does no harm.
_URL_PASSWORD = re.compile(r"(://[^:/?#\s]*:)\S*@")
_QUERY_PASSWORD = re.compile(r"([?&](?:password|passwd|pwd|token|secret|sslpassword)=)[^&\s]*", re.IGNORECASE)

_options: ContextVar[Mapping[str, Any]] = ContextVar("velox_settings_options", default=MappingProxyType({}))


@contextmanager
def options(values: Mapping[str, Any]) -> Iterator[None]:
    """Inside, every settings object made takes ``values`` first: it is how ``velox run --port`` reaches an app factory
    that makes its own settings. Names that the settings class does not have are left out, ``None`` means not given."""
    token = _options.set({name: value for name, value in values.items() if value is not None})
    try:
        yield
    finally:
        _options.reset(token)


def mask(text: str) -> str:
    """``text`` without the passwords of the URLs in it.

    >>> mask("postgresql://shop:hunter2@db.example/shop")
    'postgresql://shop:***@db.example/shop'
    """
    return _QUERY_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***@", text))


def read_dotenv(directory: Path) -> dict[str, str]:
    """The variables of ``.env`` in ``directory``; empty if there is no such file. Raises ConfigurationError VX304."""
    path = directory / DOTENV_FILE
    if not path.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path, encoding="utf-8").items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def read_toml(directory: Path) -> dict[str, Any]:
    """The keys of ``velox.toml`` in ``directory``; empty if there is no such file. Raises ConfigurationError VX304."""
    path = directory / TOML_FILE
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ConfigurationError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigurationError("VX304", f"{path.name} cannot be read: {reason}", hint=f"Correct the file {path}.")


class Sourced(BaseSettings):
    """Settings that know the source of each key and answer mistakes with one readable line."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=_DELIMITER,
        env_file=DOTENV_FILE,
        env_file_encoding="utf-8",
        nested_model_default_partial_update=True,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    _source_of: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, **arguments: Any) -> None:
        cls = type(self)
        chosen = {name: value for name, value in _options.get().items() if name in cls.model_fields}
        origins = _origins(cls, arguments, chosen)
        try:
            super().__init__(**{**arguments, **chosen})
        except ValidationError as error:
            raise _explain(cls, error.errors(include_url=False), origins) from None
        except SettingsError as error:  # a list or a model that is not JSON
            raise ConfigurationError("VX302", str(error), hint="Lists and tables are written as JSON there.") from None
        self._source_of = {name: origins.get(name, "default") for name in cls.model_fields}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = InitSettingsSource(settings_cls, read_toml(Path.cwd()))
        return init_settings, env_settings, _KnownOnly(settings_cls, dotenv_settings), toml

    def source_of(self, name: str) -> str:
        """Where the value of ``name`` comes from: ``"default"``, ``"velox.toml"``, ``".env"``,
        ``"environment VELOX_PORT"``, ``"argument"`` or ``"option --port"``. Raises KeyError for an unknown name."""
        return self._source_of[name]

    def displayed(self) -> dict[str, str]:
        """Every setting as text fit for a screen or a log: secrets and passwords are masked."""
        return {name: _displayed(name, getattr(self, name)) for name in _ordered(type(self))}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _hidden(name or "", value)


class _KnownOnly(PydanticBaseSettingsSource):
    """A ``.env`` may hold variables of other programs: only those of this settings class are taken."""

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._source = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        known = {key for name, field in self.settings_cls.model_fields.items() for key in (name, *_aliases(field))}
        return {name: value for name, value in self._source().items() if name in known}


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [choice for choice in choices if isinstance(choice, str)]


def _ordered(cls: type[BaseSettings]) -> list[str]:
    """The names of the settings: a class' own before those of its bases, which pydantic has the other way round."""
    classes = (getattr(base, "__annotations__", {}) for base in cls.__mro__ if issubclass(base, BaseSettings))
    return [name for name in dict.fromkeys(chain.from_iterable(classes)) if name in cls.model_fields]


def variables(cls: type[BaseSettings]) -> dict[str, str]:
    """Each environment variable (in capitals) that ``cls`` reads, and the setting it sets."""
    found: dict[str, str] = {}
    for name, field in cls.model_fields.items():
        for variable in _aliases(field) or [PREFIX + name]:
            found[variable.upper()] = name
    return found


def _origins(cls: type[BaseSettings], arguments: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, str]:
    """Settings to sources; later updates win."""
    directory = Path.cwd()
    known = variables(cls)
    aliases = {alias: name for name, field in cls.model_fields.items() for alias in _aliases(field)}
    origins = {aliases.get(key, key): TOML_FILE for key in read_toml(directory)}
    for names, source in ((read_dotenv(directory), "{file}"), (os.environ, "environment {variable}")):
        for variable in names:
            name = known.get(variable.upper()) or known.get(variable.upper().split(_DELIMITER)[0])
            if name is not None:
                origins[name] = source.format(file=DOTENV_FILE, variable=variable)
    origins.update({aliases.get(key, key): "argument" for key in arguments})
    origins.update({name: f"option --{name.replace('_', '-')}" for name in chosen})
    return origins


def _explain(cls: type[BaseSettings], errors: list[ErrorDetails], origins: Mapping[str, str]) -> ConfigurationError:
    """One line for the first mistake, in the order of the class' fields; the count of the others after it."""
    error, more = errors[0], len(errors) - 1
    parts = [str(part) for part in error["loc"]]
    aliases = {alias: name for name, field in cls.model_fields.items() for alias in _aliases(field)}
    top = aliases.get(parts[0], parts[0]) if parts else cls.__name__
    key = ".".join([top, *parts[1:]])
    source = origins.get(top, "default")
    suffix = f" (and {more} more)" if more else ""
    if error["type"] == "extra_forbidden":
        close = get_close_matches(top, cls.model_fields, n=1) if len(parts) == 1 else []
        hint = f"Did you mean {close[0]!r}?" if close else "'velox config' lists every setting."
        return ConfigurationError("VX301", f"unknown setting {key!r} in {_place(source)}{suffix}", hint=hint)
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ").split(", unable to parse")[0]
    message = f"it {message}" if message.startswith("should") else message
    if error["type"] == "missing":
        hint = f"Set {PREFIX}{top.upper()}, or {top} in {TOML_FILE}."
        return ConfigurationError("VX302", f"the setting {key!r} is required and nothing sets it{suffix}", hint=hint)
    given = "" if isinstance(error["input"], Mapping) else f" is {_displayed(key, error['input'], quoted=True)}:"
    text = f"{key} from {_place(source)}{given} {message}{suffix}".replace("\n", " ")
    return ConfigurationError("VX302", text, hint=f"Correct {top} in {_place(source)}.")


def _place(source: str) -> str:
    names = {"argument": "an argument", "default": "its own default"}
    return names.get(source, source.replace("environment", "the environment"))


def _hidden(name: str, value: Any) -> Any:
    """``value`` as it may be shown."""
    if isinstance(value, (str, bytes, list, tuple)) and _SECRET_NAME.search(name):
        return "**********"
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, BaseModel):
        return {key: _hidden(key, item) for key, item in value}
    if isinstance(value, Mapping):
        return {key: _hidden(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(name, item) for item in value]
    return value


def _displayed(name: str, value: Any, *, quoted: bool = False) -> str:
    shown = _hidden(name, value)
    return repr(shown) if quoted else str(shown)
