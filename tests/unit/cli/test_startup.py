"""What ``velox run`` says of the environment when it starts."""

from __future__ import annotations

import logging
from pathlib import Path
from secrets import token_urlsafe

import pytest
from pydantic import SecretStr

from velox import Settings, Velox
from velox.cli.startup import announce


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_misspelt_variable_is_a_warning_with_what_was_meant(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr; the server starts."""
    monkeypatch.setenv("VELOX_PROT", "1")
    (directory / ".env").write_text("VELOX_WHATEVER_THIS_IS=1\n")
    announce(Velox("shop", Settings()), target="main:create_app")
    assert capsys.readouterr().err == (
        "warning no setting reads VELOX_PROT in the environment, VELOX_WHATEVER_THIS_IS in .env. "
        "Did you mean VELOX_PORT? 'velox config' lists every setting.\n"
    )


@pytest.mark.usefixtures("directory")
def test_in_production_it_is_a_record(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("VELOX_PROT", "1")
    caplog.set_level(logging.INFO, "velox")
    announce(Velox("shop", Settings(env="prod", secret_key=SecretStr(token_urlsafe()))), target="main:create_app")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "Did you mean VELOX_PORT?" in caplog.text


@pytest.mark.usefixtures("directory")
def test_without_one_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    announce(Velox("shop", Settings(port=8001)), target="main:create_app")
    assert capsys.readouterr().err == ""
