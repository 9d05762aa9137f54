"""Settings know their sources, and answer mistakes with one line that names key, source and expectation."""

from __future__ import annotations

import os
import pickle
import secrets
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from velox._sources import mask
from velox.errors import EXIT_CONFIGURATION, ConfigurationError
from velox.settings import DEFAULT_SECRET_KEY, Launch, Settings, options, weakness


class Mail(BaseModel):
    host: str = "localhost"
    port: int = 25
    password: str = "hunter2"


class ShopSettings(Settings):
    currency: str = "EUR"
    mail: Mail = Mail()
    tags: list[str] = []
    api_token: SecretStr = SecretStr("s3cret")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, and an environment without Velox's variables."""
    for name in [name for name in os.environ if name.upper().startswith("VELOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(code: str, **arguments: Any) -> str:
    """The message and hint with which ``ShopSettings`` refuses ``arguments``."""
    with pytest.raises(ConfigurationError) as caught:
        ShopSettings(**arguments)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    return f"{caught.value.message} | {caught.value.hint}"


def test_each_source_beats_the_ones_below_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """option > argument > environment > .env > velox.toml > default."""
    assert (ShopSettings().port, ShopSettings().source_of("port")) == (8000, "default")
    (project / "velox.toml").write_text("port = 8001")
    assert (ShopSettings().port, ShopSettings().source_of("port")) == (8001, "velox.toml")
    (project / ".env").write_text("VELOX_PORT=8002")
    assert (ShopSettings().port, ShopSettings().source_of("port")) == (8002, ".env")
    monkeypatch.setenv("VELOX_PORT", "8003")
    assert (ShopSettings().port, ShopSettings().source_of("port")) == (8003, "environment VELOX_PORT")
    settings = ShopSettings(port=8004)
    assert (settings.port, settings.source_of("port")) == (8004, "argument")
    with options({"port": 8005, "host": None, "no_such_setting": 1}):
        settings = ShopSettings(port=8004)
    assert (settings.port, settings.source_of("port")) == (8005, "option --port")
    assert settings.source_of("host") == "default"


def test_load_is_the_same_as_calling() -> None:
    """``Settings.load(port=1)`` is ``Settings(port=1)``."""
    assert ShopSettings.load(port=1) == ShopSettings(port=1)


def test_the_source_of_an_unknown_name_is_a_key_error() -> None:
    """A mistyped name is not answered with a source."""
    with pytest.raises(KeyError):
        Settings().source_of("prot")


def test_a_projects_own_fields_have_the_same_sources(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields of a subclass, and of a model in it, are set key by key from any source."""
    (project / "velox.toml").write_text('currency = "USD"\n[mail]\nhost = "mail.example"')
    (project / ".env").write_text("VELOX_MAIL__PORT=587\nSOMEBODY_ELSES=1\nVELOX_UNKNOWN=1")
    monkeypatch.setenv("VELOX_TAGS", '["a", "b"]')
    settings = ShopSettings()
    assert settings.currency == "USD"
    assert settings.mail == Mail(host="mail.example", port=587)
    assert settings.tags == ["a", "b"]
    assert settings.source_of("tags") == "environment VELOX_TAGS"
    assert settings.source_of("mail") == ".env"


def test_numbers_with_a_unit_in_their_name_also_take_one_in_their_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """``grace_s`` is 90, "90" or "1m30s"; ``…_bytes`` is 1024, "1024" or "1KiB"."""
    monkeypatch.setenv("VELOX_GRACE_S", "1m30s")
    monkeypatch.setenv("VELOX_DATABASE_TIMEOUT_S", "2")
    monkeypatch.setenv("VELOX_MAX_JSON_BODY_BYTES", "1KiB")
    monkeypatch.setenv("VELOX_FORM_SPOOL_BYTES", "512")
    settings = Settings()
    assert (settings.grace_s, settings.database_timeout_s) == (90.0, 2.0)
    assert (settings.max_json_body_bytes, settings.form_spool_bytes) == (1024, 512)


def test_an_unknown_key_of_the_file_names_the_close_one(project: Path) -> None:
    """A slip of the pen is found, with the file and the key that was meant."""
    (project / "velox.toml").write_text('curency = "USD"')
    assert refused("VX301") == "unknown setting 'curency' in velox.toml | Did you mean 'currency'?"
    (project / "velox.toml").write_text("xyzzy = 1")
    assert refused("VX301") == "unknown setting 'xyzzy' in velox.toml | 'velox config' lists every setting."


def test_an_unknown_argument_names_the_close_one() -> None:
    """Python's own callers get the same answer."""
    assert refused("VX301", prot=1) == "unknown setting 'prot' in an argument | Did you mean 'port'?"


def test_a_wrong_value_names_key_source_and_expectation(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the source."""
    (project / "velox.toml").write_text("workers = 0")
    assert refused("VX302") == (
        "workers from velox.toml is 0: it should be greater than or equal to 1 | Correct workers in velox.toml."
    )
    (project / "velox.toml").unlink()
    (project / ".env").write_text("VELOX_MAIL__PORT=many")
    assert refused("VX302").startswith("mail.port from .env is 'many': it should be a valid integer")
    (project / ".env").unlink()
    monkeypatch.setenv("VELOX_ENV", "staging")
    assert refused("VX302").startswith(
        "env from the environment VELOX_ENV is 'staging': it should be 'dev', 'test' or 'prod'"
    )
    monkeypatch.delenv("VELOX_ENV")
    assert refused("VX302", grace_s="soon").startswith(
        "grace_s from an argument is 'soon': 'soon' is not a duration such as"
    )
    assert " (and 1 more)" in refused("VX302", port="a", workers="b")


def test_a_list_that_is_not_json_is_a_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists in the environment are JSON."""
    monkeypatch.setenv("VELOX_TAGS", "a,b")
    assert '"tags"' in refused("VX302")


def test_a_required_setting_that_nothing_sets_says_where_to_set_it() -> None:
    """A project may have a setting without a default."""

    class Strict(Settings):
        region: str

    with pytest.raises(ConfigurationError, match=r"VX302 the setting 'region' is required") as caught:
        Strict.load()
    assert caught.value.hint == "Set VELOX_REGION, or region in velox.toml."


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages end up in logs."""
    assert "hunter2" not in refused("VX302", secret_key=["hunter2"])
    assert "hunter2" not in refused("VX302", database_pool_size="postgresql://u:hunter2@h/d")


@pytest.mark.parametrize(("file", "content"), [("velox.toml", b"port ="), ("velox.toml", b"\xff"), (".env", b"\xff=1")])
def test_an_unreadable_file_is_named(project: Path, file: str, content: bytes) -> None:
    """Bad TOML and bad UTF-8 are one line too."""
    (project / file).write_bytes(content)
    assert refused("VX304").startswith(f"{file} cannot be read: ")


def test_settings_are_frozen_equal_by_value_and_pickled() -> None:
    """They go to worker processes and are compared in tests."""
    settings = ShopSettings(port=1)
    with pytest.raises(ValidationError):
        settings.port = 2
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_launch_leaves_the_projects_own_keys_to_the_project(project: Path) -> None:
    """Before the project is imported its own keys cannot be told from mistakes; Velox's own are checked."""
    (project / "velox.toml").write_text('currency = "USD"\nport = 9000')
    assert Launch().port == 9000
    (project / "velox.toml").write_text('currency = "USD"\nport = "x"')
    with pytest.raises(ConfigurationError, match="VX302 port"):
        Launch()


def test_what_is_shown_is_masked() -> None:
    """Secrets, passwords by name, and passwords in URLs, in ``repr`` and in ``velox config``."""
    settings = ShopSettings(
        database_url="postgresql://shop:p@ss:w/rd@db.example/shop?password=hunter2", secret_key=SecretStr("xyz")
    )
    for shown in (repr(settings), str(settings), str(settings.displayed())):
        assert "hunter2" not in shown
        assert "s3cret" not in shown
        assert "xyz" not in shown
        assert "w/rd" not in shown
        assert "postgresql://shop:***@db.example/shop?password=***" in shown


def test_a_url_without_a_password_is_shown_as_it_is() -> None:
    """Masking does not hide what is no secret."""
    assert mask("sqlite:///app.db") == "sqlite:///app.db"
    assert mask("http://example.com:80/a") == "http://example.com:80/a"


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (DEFAULT_SECRET_KEY, "development default"),
        ("short", "has 5 bytes, fewer than 32"),
        ("a" * 64, "repeats the same 1 character"),
        ("abcd" * 16, "repeats the same 4 character"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "in sequence"),
        ("zyxwvutsrqponmlkjihgfedcba9876543210", "in sequence"),
        ("change-me-change-me-please-do-it-now", "placeholder"),
        ("acacacaacacccaacacaaacacacccaacacaca", "too regular"),
    ],
)
def test_a_guessable_secret_is_not_fit_for_production(secret: str, reason: str) -> None:
    """Default, short, repeated, in sequence, a placeholder, or of too few kinds of characters: exit code 78."""
    with pytest.raises(ConfigurationError) as caught:
        Settings(env="prod", secret_key=SecretStr(secret)).check_production()
    assert (caught.value.code, caught.value.exit_code) == ("VX303", EXIT_CONFIGURATION)
    assert reason in caught.value.message
    assert secret not in str(caught.value)


def test_random_secrets_of_enough_bytes_are_fit() -> None:
    """Whichever way they are made; 200 of each, so that the estimate has no bad luck either."""
    for _ in range(200):
        for secret in (secrets.token_hex(16), secrets.token_urlsafe(32), secrets.token_urlsafe(48)):
            assert weakness(secret) is None
