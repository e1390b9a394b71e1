from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import FakeApi
from steelyard.cli.main import main
from steelyard.config.presets import default_text


def test_error_is_one_line_and_exit_code_one(
    api: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.is_up = False
    with pytest.raises(SystemExit) as ended:
        main(["apply"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: no steelyard runs on here; start one: steelyard serve\n"
    )


def test_wrong_configuration_is_exit_code_two(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "steelyard.yaml").write_text("lisen: 127.0.0.1:1\n")
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 2
    assert "steelyard.yaml:1: lisen: unknown key" in capsys.readouterr().err


def test_wrong_usage_is_exit_code_two() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-command"])
    assert ended.value.code == 2


def test_help_loads_nothing_heavy() -> None:
    heavy = ("httpx", "pydantic", "duckdb", "pyarrow", "sqlalchemy", "starlette", "jinja2", "rich")
    code = f"""
import sys
from steelyard.cli.main import main
try:
    main(["--help"])
except SystemExit:
    pass
print([name for name in {heavy!r} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_default_configuration_is_good(home: Path) -> None:
    (home / "steelyard.yaml").write_text(default_text(), "utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    assert ended.value.code == 0
