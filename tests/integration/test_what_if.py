"""``what-if`` from the command line down to the ledger: with a running control, and without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from control_rig import ControlProcess
from typer import Typer
from typer.testing import CliRunner, Result

from steelyard.cli import place, what_if
from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.domain.instants import instant_ns
from steelyard.domain.money import PICO
from steelyard.domain.usage import Usage
from steelyard.journal.segment import Journal
from steelyard.ledger.scribe import Scribe
from steelyard.supervisor.api import Api
from steelyard.testing.records import make_intent, make_settlement

CONFIG = """
listen: 127.0.0.1:8080
weigh_when_idle: false
channels:
  openai: {base_url: "http://127.0.0.1:9/v1", credential: "x"}
  shop: {base_url: "http://127.0.0.1:9/v1", credential: "x"}
offers:
  - {model: gpt-4o, channel: openai, context: 128000, output_max: 4096,
     list: {vendor: OpenAI, model: gpt-4o, currency: USD}}
  - {model: own, channel: shop, context: 4096, output_max: 512, valid_from: 2024-06-01,
     rates: {input: 1 CNY/mtok, output: 2 CNY/mtok}}
accounts: {acme: }
"""
JUNE = instant_ns(datetime(2024, 6, 3, 9, tzinfo=UTC))
USAGE = Usage(1_000_000, 100_000, cache_read_tokens=400_000)
CALLS = [
    ("openai/gpt-4o", "gpt-4o", "USD", JUNE, 6_500_000_000_000),
    ("shop/own", "own", "CNY", JUNE, 1_200_000_000_000),
    ("shop/own", "own", "CNY", JUNE + 10**9, 1_200_000_000_000),
    ("gone/newest", "newest", "CNY", JUNE, 5),
]
BOOK = """\
vendor,channel,model,currency,unit,item,condition,price,effective_from,effective_to,source,note
OpenAI,official,gpt-4o,USD,per_1m_tokens,input,,2,2024-01-01,,test,date=announced
OpenAI,official,gpt-4o,USD,per_1m_tokens,output,,3,2024-01-01,,test,date=announced
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("what-if")
    home = folder / "home"
    home.mkdir()
    (folder / "run").mkdir()
    (home / "steelyard.yaml").write_text(CONFIG, "utf-8")
    control = Control(Places(home, folder / "run", 1), {})
    control.prepare()
    (home / "journal").mkdir(exist_ok=True)
    journal = Journal(home / "journal", 18, 2**16)
    for number, (offer, model, currency, at_ns, cost) in enumerate(CALLS, start=1):
        intent = make_intent(
            number, offer=offer, model=model, currency=currency, called_at_ns=at_ns, leases=()
        )
        journal.append_intent(intent)
        journal.append_settlement(make_settlement(intent, usage=USAGE, cost_pico=cost, leases=()))
    journal.close()
    with Scribe(home, control.database) as scribe:
        scribe.run_once(JUNE + 10**10)
    control.close()
    return home


@pytest.fixture(autouse=True)
def offline(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.parent / "none"))


def run(*arguments: str) -> Result:
    app = Typer()
    what_if.register(app)
    return CliRunner(env={"COLUMNS": "400"}).invoke(app, list(arguments))


def ask(*arguments: str) -> dict[str, object]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def costs(found):
    return {row["model"]: (row["then"], row["now"]) for row in found["data"]}


def test_as_of_a_day_when_one_of_the_models_did_not_exist() -> None:
    found = ask("--as-of", "2024-05-14")
    assert costs(found) == {"gpt-4o": ("6.50", "6.50")}
    reasons = {row["model"]: row["reason"] for row in found["unpriced"]}
    assert reasons.keys() == {"own", "newest"}
    assert "2024-05-14" in reasons["own"]
    assert "no newest" in reasons["newest"]
    assert found["unpriced_totals"] == [
        {"currency": "CNY", "lines": 3, "then": "2.400000000005", "then_pico": "2400000000005"}
    ]
    assert found["lines"] == 4
    assert costs(ask("--as-of", "2025-01-01"))["own"] == ("2.40", "2.40")


def test_as_of_a_later_day_is_cheaper_and_without_cache_hits_dearer() -> None:
    found = ask("--as-of", "2024-11-01", "--model", "gpt-4o")
    # 600,000 at 2.5, 400,000 cached at 1.25, 100,000 at 10 USD per million.
    assert costs(found) == {"gpt-4o": ("6.50", "3.00")}
    assert found["data"][0]["difference"] == "-3.50"
    found = ask("--as-of", "2024-11-01", "--model", "gpt-4o", "--no-cache-hits")
    assert costs(found) == {"gpt-4o": ("6.50", "3.50")}


def test_a_swap_prices_calls_at_their_own_time_in_the_other_currency() -> None:
    found = ask("--swap", "gpt-4o=own", "--by", "model,task")
    rows = {row["model"]: row for row in found["data"]}
    assert (rows["gpt-4o"]["currency_now"], rows["gpt-4o"]["now"]) == ("CNY", "1.20")
    assert rows["gpt-4o"]["difference"] is None
    assert found["in"] == "CNY"
    assert rows["own"]["difference"] == "0.00"
    assert "gpt-4o at openai/gpt-4o" in found["priced_as"]
    found = ask("--swap", "own=Alibaba/qwen-long@CNY", "--since", "2024-06-01")
    # 0.0005 and 0.002 CNY per thousand tokens.
    assert costs(found)["own"] == ("2.40", "1.40")


def test_a_change_of_currency_has_a_difference_in_the_home_one_at_the_rate_of_a_day() -> None:
    found = ask("--swap", "gpt-4o=own", "--until", "2024-06-10")
    # The 9th was a Sunday: the last day asked about has Friday's rate.
    assert (found["in"], found["rates_day"]) == ("CNY", "2024-06-09")
    (rate,) = found["rates_used"]
    assert (rate["id"], rate["day"]) == ("ecb-2024-06-07-USD-CNY", "2024-06-07")
    worth = Fraction(rate["exact"])
    swapped, own = found["data"]
    assert int(swapped["then_in_pico"]) == round(Fraction("6.5") * PICO * worth)
    assert (swapped["now_in"], own["then_in"]) == ("1.20", "2.40")
    difference = (Fraction("1.2") - Fraction("6.5") * worth) * PICO
    assert int(swapped["difference_in_pico"]) == round(difference)
    assert found["total_in"]["difference_in_pico"] == swapped["difference_in_pico"]
    assert found["total_in"]["lines"] == 3
    assert found["unconverted"] == []
    shown = run("--swap", "gpt-4o=own", "--until", "2024-06-10").stdout
    assert "total in CNY" in shown
    assert "(ecb-2024-06-07-USD-CNY, of 2024-06-07, European Central Bank)" in shown


def test_the_day_of_the_prices_is_that_of_the_exchange_rate_and_a_currency_may_be_said() -> None:
    found = ask("--as-of", "2024-11-01", "--model", "gpt-4o")
    assert found["in"] is None, "no call changes currency"
    found = ask("--as-of", "2024-11-01", "--model", "gpt-4o", "--in", "EUR")
    assert [rate["id"] for rate in found["rates_used"]] == ["ecb-2024-11-01-USD-EUR"]
    (row,) = found["data"]
    assert int(row["now_in_pico"]) == round(3 * PICO * Fraction(found["rates_used"][0]["exact"]))


def test_without_a_rate_nothing_is_assumed() -> None:
    found = ask("--swap", "gpt-4o=own", "--in", "XOF")
    assert [row["difference_in"] for row in found["data"]] == [None, None]
    assert [row["missing"] for row in found["unconverted"]] == [["CNY"], ["USD", "CNY"]]
    assert found["total_in"]["lines"] == 0
    assert found["rates_used"] == []


def test_another_book(tmp_path: Path) -> None:
    book = tmp_path / "other.csv"
    book.write_text(BOOK, "utf-8")
    found = ask("--book", str(book))
    assert costs(found) == {"gpt-4o": ("6.50", "2.30")}
    book.write_text(BOOK.replace(",,2,", ",,two,"), "utf-8")
    result = run("--book", str(book))
    assert result.exit_code == 1
    assert "line 2" in str(result.exception)


def test_table_chart_and_svg(tmp_path: Path) -> None:
    result = run("--as-of", "2024-11-01", "--chart", "--svg", str(tmp_path / "x.svg"))
    assert "gpt-4o" in result.stdout
    assert "-53.8" in result.stdout
    assert "█" in result.stdout
    assert "Without a price" in result.stdout
    ElementTree.parse(tmp_path / "x.svg")
    assert "total" in run("--no-cache-hits", "--by", "").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "What if what"),
        (("--as-of", "yesterday"), "no day"),
        (("--swap", "gpt-4o"), "write OLD=NEW"),
        (("--swap", "a=b", "--swap", "a=c"), "both"),
        (("--swap", "gpt-4o=nothing-like-it"), "the book has no"),
        (("--swap", "own=deepseek-chat"), "several"),
        (("--as-of", "2025-01-01", "--by", "mood"), "cannot group by"),
        (("--as-of", "2025-01-01", "--since", "x"), "write a day"),
        (("--as-of", "2025-01-01", "--in", "RMB"), "CNY"),
        (("--book", "/no/such/file"), "cannot be read"),
    ],
)
def test_refusals(arguments: tuple[str, ...], told: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert told in str(result.exception)


def test_a_swap_of_what_nobody_called_is_noted() -> None:
    assert any("nothing-here" in note for note in ask("--swap", "nothing-here=own")["notes"])


def test_a_running_control_streams_its_progress(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = ControlProcess(tmp_path)
    process.home = home
    process.start()
    try:
        monkeypatch.setattr(place, "api", lambda: Api(home, process.runtime))
        lines = list(Api(home, process.runtime).stream("/api/what-if", {"as_of": "2024-11-01"}))
        assert lines[0] == {"done": 0, "total": 4}
        assert lines[-2] == {"done": 4, "total": 4}
        assert lines[-1]["result"]["lines"] == 4
        assert costs(ask("--as-of", "2024-11-01"))["gpt-4o"] == ("6.50", "3.00")
        plain = Api(home, process.runtime).post("/api/what-if", {"as_of": "2024-11-01"})
        assert plain == lines[-1]["result"]
        lines = list(Api(home, process.runtime).stream("/api/what-if", {"as_of": "soon"}))
        assert "no day" in lines[-1]["error"]["message"]
    finally:
        process.stop()
