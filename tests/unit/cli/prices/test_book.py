"""The price book at the command line: what is asked of control, and how its answers are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from cli.conftest import FakeApi, as_json
from steelyard.cli import offline
from steelyard.control.price_watch.updates import read_update

Run = Callable[..., Result]

RATE = {
    "item": "input",
    "condition_text": "batch",
    "price": "1 CNY/mtok",
    "valid_from": "2026-01-01T00:00:00+00:00",
    "valid_to": "2026-08-16T16:00:00+00:00",
    "source": "contract",
}
STEP = {
    "kind": "added",
    "vendor": "OpenAI",
    "model": "gpt-4o",
    "currency": "USD",
    "item": "input",
    "condition_text": "",
    "before": "5/2",
    "before_unit": "mtok",
    "amount": "1/3",
    "unit": "ktok",
    "change": "-1/5",
    "valid_from": "2026-12-01T00:00:00+00:00",
    "from_day": "2026-12-01",
}


def outcome(state: str, **more: Any) -> dict[str, Any]:
    counts = {"added": 1, "changed": 0, "ended": 0, "corrected": 0}
    base = {"state": state, "list_number": 7, "has_corrections": False, "counts": counts}
    return {**base, "unchanged": 2, "steps": [STEP], "findings": [], "findings_count": 0, **more}


def test_prices_of_offers(run: Run, api: FakeApi) -> None:
    api.answers["GET /api/prices"] = {"data": [{"offer": "a/x", **RATE}]}
    shown = run("prices", "list", "--offer", "a/x").stdout
    assert "2026-01-01 " in shown and "batch" in shown
    assert "2026-08-16 16:00" in shown, "in the middle of a day of ours"
    assert api.asked[-1][3] == {"offer": "a/x"}
    assert as_json(run("prices", "list", "--json"))[0]["offer"] == "a/x"


def test_lines_of_the_book(run: Run, api: FakeApi) -> None:
    line = {"vendor": "OpenAI", "channel": "reseller", "model": "m", "origin": "litellm"}
    line |= {"from_day": "unknown", "to_day": "2026-08-17"}
    api.answers["GET /api/prices/book"] = {"data": [{**line, **RATE, "is_chosen": False}]}
    shown = run("prices", "list", "--model", "m").stdout
    assert "unknown" in shown and "2026-08-17" in shown
    assert "m (reseller)" in shown and "litellm (not chosen)" in shown
    assert api.asked[-1][3] == {"model": "m"}


def test_lists(run: Run, api: FakeApi) -> None:
    row = {"list_number": 3, "at": "2026-11-21T10:00:00+00:00", "actor": "seed", "lines": 1433}
    row |= {"facts": 77}
    row |= {"origin": "steelyard", "name": "prices.csv", "detail": ""}
    api.answers["GET /api/prices/lists"] = {"data": [row]}
    shown = run("prices", "lists").stdout
    assert "1433" in shown and "77" in shown
    assert as_json(run("prices", "lists", "--json")) == [row]


def test_findings_fail_the_check_where_they_are_errors(run: Run, api: FakeApi) -> None:
    rows = [
        {"kind": "tie", "message": "two prices", "line": 0, "is_error": True, "vendor": ""},
        {"kind": "stale", "message": "old", "line": 0, "is_error": False, "vendor": "A"},
    ]
    api.answers["GET /api/prices/check"] = {"data": rows}
    result = run("prices", "check", "--stale-days", "30")
    assert result.exit_code == 1
    assert "two prices" in result.stdout
    assert api.asked[-1][3] == {"stale_days": "30"}
    assert run("prices", "check", "--kind", "stale").exit_code == 0


def test_findings_are_summed_up_first_and_one_kind_is_told_whole(run: Run, api: FakeApi) -> None:
    rows = [{"kind": "tie", "message": "two prices", "line": 0, "is_error": True, "vendor": "A"}]
    rows += [
        {"kind": "stale", "message": f"old {n}", "line": 0, "is_error": False, "vendor": vendor}
        for vendor, count in (("A", 20), ("B", 60))
        for n in range(count)
    ]
    api.answers["GET /api/prices/check"] = {"data": rows}
    shown = run("prices", "check").stdout.splitlines()
    assert [line.split() for line in shown[2:5]] == [
        ["error", "tie", "1"],
        ["stale", "B", "60"],
        ["stale", "A", "20"],
    ]
    assert shown[8].split() == ["error", "tie", "two", "prices"]
    assert shown[-1] == "and 31 more; all of one kind: --kind stale"
    whole = run("prices", "check", "--kind", "stale").stdout.splitlines()
    assert len(whole) == 82 and "old 59" in whole[-1]


def test_a_list_is_taken_over(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(b"a,b\n")
    api.answers["POST /api/prices/import"] = outcome("taken", has_corrections=True)
    result = run("prices", "import", str(file), "--yes", "--correction")
    assert result.exit_code == 0
    assert "-20.0 %" in result.stdout and "0.33333333 USD/ktok" in result.stdout
    assert "taken over as list 7: 1 added" in result.stdout
    assert "2 as before; the differences" in result.stdout
    asked = {"source": "own", "name": "own.csv", "yes": "1", "correction": "1"}
    assert api.asked[-1] == ("POST", "/api/prices/import", b"a,b\n", asked)


def test_a_refused_list_says_why_and_fails(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(b"")
    finding = {"kind": "unit_unknown", "message": "per tonne", "line": 3, "is_error": True}
    found = outcome("refused", steps=[], findings=[finding], findings_count=60)
    api.answers["POST /api/prices/import"] = found
    result = run("prices", "import", str(file))
    assert result.exit_code == 1
    assert "error: line 3: per tonne" in result.output and "and 10 more" in result.output
    assert "nothing was taken over" in result.output
    assert run("prices", "import", str(file), "--json").exit_code == 1


@pytest.mark.parametrize(
    ("state", "said"), [("same", "nothing new"), ("ready", "would be taken over: 1 added")]
)
def test_what_became_of_it(run: Run, api: FakeApi, tmp_path: Path, state: str, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    counts = {"added": 51, "changed": 0, "ended": 0, "corrected": 0}
    found = outcome(state, steps=[STEP] * 51 if state == "ready" else [], counts=counts)
    api.answers["POST /api/prices/import"] = found
    shown = run("prices", "import", str(tmp_path / "a.csv"), "--dry-run").stdout
    assert said[:20] in shown
    assert ("and 1 more" in shown) == (state == "ready")


def test_a_sheet_goes_with_its_layout(run: Run, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "map.yaml").write_text("columns: {model: 模型}", "utf-8")
    api.answers["POST /api/prices/import"] = outcome("same")
    arguments = ("prices", "import", str(tmp_path / "a.csv"), "--source", "sheet", "--mapping")
    assert run(*arguments, str(tmp_path / "map.yaml")).exit_code == 0
    assert api.asked[-1][3]["mapping"] == '{"columns": {"model": "模型"}}'  # type: ignore[index]
    (tmp_path / "map.yaml").write_text("columns: {", "utf-8")
    assert "is no YAML" in str(run(*arguments, str(tmp_path / "map.yaml")).exception)
    assert "cannot read" in str(run("prices", "import", str(tmp_path / "none")).exception)


def test_updates_come_as_files_and_addresses(run: Run, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "up.txt").write_bytes(b"# steelyard price update\n")
    api.answers["POST /api/prices/update"] = outcome("taken")
    assert run("prices", "update", str(tmp_path / "up.txt"), "--unsigned").exit_code == 0
    body, query = api.asked[-1][2:]
    assert (body, query) == (
        b"# steelyard price update\n",
        {"unsigned": "1", "name": "up.txt"},
    )
    assert run("prices", "update", "https://x.example/up.txt", "--dry-run").exit_code == 0
    assert api.asked[-1][2:] == (b"", {"dry_run": "1", "url": "https://x.example/up.txt"})


def test_a_list_is_signed_with_a_key_that_was_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"vendor\n")
    key = tmp_path / "main.key"
    public = run("prices", "keygen", str(key)).stdout.strip()
    assert len(public) == 44
    assert key.stat().st_mode & 0o777 == 0o600
    assert "cannot write" in str(run("prices", "keygen", str(key)).exception)
    arguments = ("prices", "sign", str(tmp_path / "a.csv"), "--key", str(key))
    update = read_update(run(*arguments, "--date", "2026-11-21").stdout_bytes)
    assert (update.key, str(update.day), update.content) == ("main", "2026-11-21", b"vendor\n")
    assert "no day" in str(run(*arguments, "--date", "21.11.").exception)


def test_without_control_its_files_are_asked_and_written(
    run: Run, api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.is_up = False
    asked: list[Any] = []

    def post(home: Path, runtime: Path, *rest: Any) -> Any:
        asked.append(rest)
        return outcome("same")

    monkeypatch.setattr(offline, "post", post)
    monkeypatch.setattr(offline, "get", lambda *rest: asked.append(rest[2:]) or {"data": []})
    (tmp_path / "a.csv").write_bytes(b"x")
    assert run("prices", "import", str(tmp_path / "a.csv")).exit_code == 0
    assert run("prices", "lists").stdout == "nothing\n"
    assert asked == [
        ("/api/prices/import", b"x", {"source": "own", "name": "a.csv"}),
        ("/api/prices/lists", {}),
    ]
