"""``authenticity``: does an offer serve the model that it sells; tests, quarantine, evidence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, money, print_json, print_table, say
from steelyard.cli.watched import watch
from steelyard.domain.errors import ConfigError, StoreUnavailable

app = typer.Typer(help="Whether offers are the models that they are sold as.")
PATH = "/api/authenticity"
_GENUINE, _NOT_GENUINE = "genuine", "not_genuine"
Budget = Annotated[
    str | None,
    typer.Option("--money", help="Most that it may cost; default: weighing.authenticity.money."),
]
Pause = Annotated[float, typer.Option(min=0, help="Mean pause between calls, seconds.")]


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    *,
    offer: Annotated[str | None, typer.Option(help="All tests of this offer.")] = None,
    as_json: Json = False,
) -> None:
    """List the last test of every offer, or all of one with what they found.

    Exit code 1: an offer is not the model that it is sold as.
    """
    if context.invoked_subcommand is not None:
        return
    rows = _get(offer)
    if as_json:
        print_json(rows)
    else:
        _print_rows(rows)
        if offer and rows:
            typer.echo()
            _print_findings(rows[0])
    _end(rows[:1] if offer else rows)


@app.command()
def test(
    offer: Annotated[str, typer.Argument(help="Offer in question.")],
    *,
    against: Annotated[
        str,
        typer.Option(help="Official offer of the model, or recorded answers: a name or a file."),
    ],
    budget: Budget = None,
    calls: Annotated[int, typer.Option(min=50, max=300, help="Most calls to the offer.")] = 300,
    error: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            max=0.2,
            help="Share of genuine offers that may be called otherwise; default:"
            " weighing.authenticity.error.",
        ),
    ] = None,
    pause: Pause = 0.5,
    same_model: Annotated[
        bool, typer.Option(help="Both names mean one model, though they differ.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Test an offer live, as booked calls in random order; goes on where it broke off.

    Exit code 1: it is not the model that it is sold as.
    """
    named = str(Path(against).resolve()) if Path(against).is_file() else against
    body: dict[str, object] = {"offer": offer, "against": named, "money": budget}
    body |= {"calls": calls, "error": error, "pause_s": pause, "same_model": same_model}
    found = _watch("test", body, is_quiet=as_json)
    if as_json:
        print_json(found)
    else:
        _print_findings(found)
    _end([found])


@app.command()
def record(
    offer: Annotated[str, typer.Argument(help="Offer whose answers are the reference.")],
    *,
    out: Annotated[Path, typer.Option(help="Where they go, such as model.json.gz.")],
    calls: Annotated[int, typer.Option(min=50, max=3000, help="Most calls.")] = 600,
    budget: Budget = None,
    licence: Annotated[
        str, typer.Option(help="Licence under which others may use the answers.")
    ] = "",
    pause: Pause = 0.5,
    as_json: Json = False,
) -> None:
    """Record an offer's answers, to test others against them later without asking it again."""
    from steelyard.weigh.authenticity.evidence import answer_of  # noqa: PLC0415 - slow to import
    from steelyard.weigh.authenticity.pool import Channel, Pool, write_pool  # noqa: PLC0415

    body = {"offer": offer, "calls": calls, "money": budget, "pause_s": pause}
    found = _watch("record", body, is_quiet=as_json)
    about = {name: str(found["bought"][name]) for name in ("vendor", "channel", "upstream_model")}
    answers = tuple(answer_of(row) for row in found["answers"])
    channel = Channel({**about, "date": found["began"]}, answers)
    pool = Pool(found["bought"]["model"], licence, found["sampling"], {_GENUINE: channel})
    try:
        write_pool(out, pool)
    except OSError as problem:
        raise StoreUnavailable(f"{out}: {problem.strerror}") from problem
    told = {"file": str(out), "answers": len(answers), "lost": found["lost"]}
    if as_json:
        print_json({**told, "cost": found["cost"], "currency": found["currency"]})
        return
    say(f"{out}: {len(answers)} answers, cost {found['cost']} {found['currency']}")
    if found["stopped"]:
        say(found["stopped"], err=True)


@app.command()
def release(
    offer: Annotated[str, typer.Argument(help="Offer in quarantine.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit log.")],
    as_json: Json = False,
) -> None:
    """Let an offer have calls again, though a test says that it is something else."""
    done = place.api().post(f"{PATH}/release", {"offer": offer, "reason": reason})
    print_json(done) if as_json else say(f"{offer}: released")


@app.command()
def evidence(
    number: Annotated[int, typer.Argument(help="Number of the test.")],
    *,
    out: Annotated[Path, typer.Option(help="Where it goes, such as evidence.zip.")],
    key: Annotated[
        Path | None, typer.Option(help="Sign with this private key, of prices keygen.")
    ] = None,
) -> None:
    """Write what a test rests on as one file: for the seller, with a page in two languages."""
    from steelyard.control.authenticity import parcel  # noqa: PLC0415 - slow to import

    document = place.api().get(f"{PATH}/{number}/evidence")
    private = _read(key).decode("ascii", "replace").strip() if key else ""
    packed = parcel.pack(document, key.stem if key else "", private)
    try:
        # It holds answers: whoever shall have it is sent it.
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(packed)
    except OSError as problem:
        raise StoreUnavailable(f"{out}: {problem.strerror}") from problem
    say(f"{out}: evidence.html to read, evidence.json to check")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Evidence, as authenticity evidence writes it.")],
    as_json: Json = False,
) -> None:
    """Check evidence: digests, signature, and its verdict judged again; needs no server.

    Exit code 1: it says otherwise than its own answers do.
    """
    from steelyard.control.authenticity import parcel  # noqa: PLC0415 - slow to import
    from steelyard.weigh.authenticity.evidence import differences  # noqa: PLC0415

    opened = parcel.unpack(_read(file))
    found = differences(opened.document)
    told = {
        "offer": opened.document["bought"]["offer"],
        "state": opened.document["verdict"]["state"],
        "signed_by": opened.signed_by,
        "public_key": opened.public_key,
        "is_page_of_it": opened.is_page_of_it,
        "differences": found,
    }
    if as_json:
        print_json(told)
    else:
        key = f"{opened.public_key}, which calls itself {opened.signed_by!r}"
        by = f"signed with {key}" if opened.public_key else ""
        say(f"{told['offer']}: {_words(told['state'])}; {by or 'not signed'}")
        for line in found or ["the answers in it give the same verdict"]:
            say(line)
        if not opened.is_page_of_it:
            say("evidence.html is not the page that this version makes of it: go by evidence.json")
    if found:
        raise typer.Exit(1)


def _watch(what: str, body: Mapping[str, Any], *, is_quiet: bool) -> dict[str, Any]:
    """What came of a test; shows how far it is on the way.

    Raises:
        ConfigError: it was asked wrongly.
        StoreUnavailable: no steelyard runs, or it stopped on the way.
    """

    def told(line: Mapping[str, Any]) -> str:
        return _progress(line["test"]) if "test" in line and not is_quiet else ""

    ending = "control stopped before the test was done; it goes on when asked again"
    return watch(f"{PATH}/{what}", body, told, ending=ending)


def _progress(row: Mapping[str, Any]) -> str:
    if row["state"] == "judging":
        return "comparing the answers"
    lost = f", {row['lost']} lost" if row["lost"] else ""
    return f"{row['done']} of {row['total']} answers{lost}, {row['paid']} {row['currency']}"


def _get(offer: str | None) -> list[dict[str, Any]]:
    query = {"offer": offer} if offer else {}
    try:
        rows: list[dict[str, Any]] = place.api().get(PATH, **query)["data"]
    except StoreUnavailable:
        from steelyard.cli import offline  # noqa: PLC0415 - heavy

        rows = offline.get(place.home(), place.runtime(), PATH, query)["data"]
    return rows


def _print_rows(rows: list[dict[str, Any]]) -> None:
    print_table(
        ("test", "offer", "state", "found", "against", "calls", "cost", "when (UTC)", "standing"),
        (
            (
                *(row["number"], row["offer"], _words(row["state"]), _found(row)),
                *(_against(row), row["calls"], money(row, "cost"), row["at"][:16]),
                "quarantined" if row["quarantine"] else "",
            )
            for row in rows
        ),
        right=("test", "calls", "cost"),
        empty="nothing was tested yet: steelyard authenticity test OFFER --against POOL",
    )


def _print_findings(row: Mapping[str, Any]) -> None:
    print_table(
        ("test", "", "p", "answers", "what was seen"),
        (
            (
                *(each["name"].replace("_", " "), "alarm" if each["is_alarm"] else ""),
                *(_p(each["p_value"]), each["n"], each["words"]),
            )
            for each in (*row["findings"], *row["hints"])
        ),
        right=("p", "answers"),
    )
    for lag in row["lags"]:
        since = "has not come yet" if lag["seller_since"] is None else "came later"
        say(f"version {lag['version']} {since}: {lag['days']} days")
    for twin in row["alike"]:
        say(twin["words"])
    if row["stopped"]:
        say(f"stopped: {row['stopped']}")
    cost = money(row, "cost") or f"0 {row['currency']}"
    say(f"{row['offer']}: {_words(row['state'])} (test {row['number']}, cost {cost})")
    say(row["why"])
    if row["quarantine"]:
        say("It gets no calls: steelyard authenticity release, or a later test, lifts that.")
    if row["state"] == _NOT_GENUINE:
        say(f"For the seller: steelyard authenticity evidence {row['number']} --out FILE")


def _end(rows: list[dict[str, Any]]) -> None:
    if any(row["state"] == _NOT_GENUINE for row in rows):
        raise typer.Exit(1)


def _found(row: Mapping[str, Any]) -> str:
    return ", ".join(each["name"] for each in row["findings"] if each["is_alarm"])


def _against(row: Mapping[str, Any]) -> str:
    reference = row["reference"]
    return str(reference.get("offer") or f"{reference['pool']} (recorded)")


def _words(state: str) -> str:
    return state.replace("_", " ")


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
