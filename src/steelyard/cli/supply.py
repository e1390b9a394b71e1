"""``supply``: how much offers give, measured by load and seen from ordinary calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, money, print_json, print_table, say
from steelyard.cli.watched import lines
from steelyard.domain.errors import StoreUnavailable

app = typer.Typer(help="How much offers give: requests and tokens per minute, speed, success.")
PATH = "/api/supply"
_UNKNOWN = "nothing is known yet: no call, no measurement (steelyard supply measure OFFER)"
_BARS = "▁▂▃▄▅▆▇█"
_WORDS = {
    "climb": "climbing",
    "shut": "refused, waiting",
    "fill": "filling a window",
    "bracket": "narrowing the pace",
    "queue": "counting what leaves the queue",
    "lanes": "holding calls under way",
    "done": "done",
}


@app.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    *,
    offer: Annotated[str | None, typer.Option(help="Only this offer, in full.")] = None,
    as_json: Json = False,
) -> None:
    """Show what is known of each offer's supply."""
    if context.invoked_subcommand is not None:
        return
    rows = place.api().get(PATH, **({"offer": offer} if offer else {}))["data"]
    if as_json:
        print_json(rows)
        return
    print_table(
        (
            *("offer", "state", "requests/min", "tokens/s", "first token"),
            *("success by hour (UTC)", "worst hour", "measured (UTC)"),
        ),
        (
            (
                *(row["offer"], row["state"], _rate(row), row.get("tokens_per_s")),
                *(_seconds(row.get("first_token_s")), _sparkline(row), _worst(row)),
                (row["at"] or "")[:16],
            )
            for row in rows
        ),
        right=("tokens/s", "first token"),
        empty=_UNKNOWN,
    )
    if offer:
        for row in rows:
            _explain(row)


@app.command()
def measure(
    offer: Annotated[str, typer.Argument(help="Name of the offer.")],
    *,
    enough: Annotated[
        int,
        typer.Option(
            min=0, help="Requests per minute that you need; 0: find the limit, whatever it is."
        ),
    ] = 0,
    requests_max: Annotated[
        int,
        typer.Option(min=0, help="Requests per minute that the vendor's terms allow; 0: not said."),
    ] = 0,
    budget: Annotated[str, typer.Option("--money", help="Most that it may cost.")] = "1 CNY",
    minutes: Annotated[float, typer.Option(min=0.1, max=60, help="Longest time.")] = 6.0,
    tokens: Annotated[int, typer.Option(min=1, max=4096, help="Output tokens of each call.")] = 1,
    as_json: Json = False,
) -> None:
    """Measure by load what an offer carries; Ctrl-C ends it and keeps what is known.

    Exit code 1: it carries less than ``--enough``, or that is not known.
    """
    body = {
        **{"offer": offer, "money": budget, "minutes": minutes, "enough": enough},
        **{"requests_max": requests_max, "tokens": tokens},
    }
    found = _measured(body, is_quiet=as_json)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found["state"] == "unknown" or (enough and found["state"] != "ok"):
        raise typer.Exit(1)


def _measured(body: Mapping[str, Any], *, is_quiet: bool) -> dict[str, Any]:
    """What the measurement found; shows how it stands on the way.

    Raises:
        ConfigError: it was asked wrongly.
        StoreUnavailable: no steelyard runs, or it stopped on the way.
    """
    from steelyard.cli.terminal import Terminal  # noqa: PLC0415 - slow to import

    terminal = Terminal()
    try:
        for line in lines(f"{PATH}/measure", body):
            if "result" in line:
                found: dict[str, Any] = line["result"]
                return found
            if not is_quiet and line.get("progress"):
                terminal.now(_progress(line["progress"]))
    except KeyboardInterrupt:
        # The calls under way are paid for: their answers are waited for, no more are sent.
        place.api().post(f"{PATH}/stop")
        return _kept(str(body["offer"]))
    finally:
        terminal.close()
    raise StoreUnavailable("control stopped before the measurement was done")


def _kept(offer: str) -> dict[str, Any]:
    """What was kept of a measurement that was stopped, as soon as it has ended."""
    import time  # noqa: PLC0415

    api = place.api()
    deadline_s = time.monotonic() + 20.0
    while api.get(f"{PATH}/running")["running"] and time.monotonic() < deadline_s:
        time.sleep(0.1)
    rows = api.get(PATH, offer=offer)["data"]
    if not rows:
        raise StoreUnavailable("nothing was measured")
    found: dict[str, Any] = rows[0]
    return found


def _progress(row: Mapping[str, Any]) -> str:
    doing = _WORDS.get(str(row.get("doing")), "timing answers")
    counts = f"{row.get('calls', 0)} calls, {row.get('refused', 0)} refused"
    return f"{doing}: {counts}, {row.get('last_minute', 0)} in the last minute"


def _print(found: Mapping[str, Any]) -> None:
    cost = money(found, "cost") or f"0 {found.get('currency', '')}"
    refused = f", {found['refused']} of them refused" if found.get("refused") else ""
    if found.get("enough"):
        say(_answer(found))
        state = ""  # what was asked is answered; a bound above it would read as the vendor's limit
    else:
        state = f"{found['state']}, "
    rate = _rate(found)
    told = f"{rate} requests a minute" if rate else "how many requests a minute is not known"
    say(f"{found['offer']}: {state}{told}")
    _explain(found)
    say(f"{found.get('calls', 0)} calls{refused}, cost {cost}")


def _answer(found: Mapping[str, Any]) -> str:
    """Whether it is enough, with what that rests on."""
    lower, upper = found["requests_lower"], found.get("requests_upper")
    carried = f"at least {lower:.0f} a minute were carried" if lower else "no whole minute was held"
    needed = f"{found['enough']} are needed"
    if found.get("is_enough"):
        return f"enough: yes, {carried}; {needed}"
    if found.get("is_enough") is False:
        return f"enough: no, at most {upper:.0f} a minute are let through; {needed}"
    if found.get("limiter") == "queue":
        why = "; answers waited: at the vendor, on this machine, or for the calls under way"
    else:
        why = ""
    return f"enough: not known, {carried}; {needed}{why}"


def _explain(row: Mapping[str, Any]) -> None:
    if row.get("detail"):
        say(f"{row['detail']}; limiter: {row.get('limiter', 'unknown')}")
    if row.get("burst"):
        say(f"a burst of {row['burst']} calls is let through before that")
    if row.get("tokens_per_minute"):
        say(f"{row['tokens_per_minute']} tokens a minute at {row['tokens_per_call']} a call")
    if row.get("tokens_per_s"):
        slow, first = row.get("tokens_per_s_slow"), _seconds(row.get("first_token_s"))
        say(f"{row['tokens_per_s']} tokens/s (slow ones {slow}), first token after {first}")
    if (row.get("slower") or 1) >= 1.5:
        say(f"answers took {row['slower']} times as long at the end")


def _rate(row: Mapping[str, Any]) -> str:
    estimate = row.get("requests_per_minute")
    if estimate is None:
        return ""
    lower, upper = row.get("requests_lower"), row.get("requests_upper")
    if upper is None:
        return f"{lower:.0f} or more" if lower else ""
    return f"{estimate:.0f} ({lower:.0f} to {upper:.0f})"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _sparkline(row: Mapping[str, Any]) -> str:
    """24 marks, from low to high; a dot for an hour with too few calls to say."""
    marks = ["·"] * 24
    for hour in row["success_by_hour"]:
        if not hour["is_thin"]:
            share = hour["succeeded"] / hour["calls"]
            marks[hour["hour"]] = _BARS[min(7, int(share * 8))]
    return "".join(marks)


def _worst(row: Mapping[str, Any]) -> str:
    known = [hour for hour in row["success_by_hour"] if not hour["is_thin"]]
    if not known:
        return "too few calls"
    worst = min(known, key=lambda hour: hour["succeeded"] / hour["calls"])
    share = worst["succeeded"] / worst["calls"]
    return f"{worst['hour']:02}h {share:.1%} ({worst['lower']:.1%} to {worst['upper']:.1%})"
