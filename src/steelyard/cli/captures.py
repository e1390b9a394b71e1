"""``captures``: requests of consenting accounts, drawn into test sets and deleted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from steelyard.cli import place
from steelyard.cli.output import Json, counted, print_json, print_table, say
from steelyard.domain.errors import ConfigError

app = typer.Typer(help="Requests kept with consent, to draw test sets from.", no_args_is_help=True)
PATH = "/api/captures"
_Account = Annotated[str, typer.Argument(help="Path of the account.")]


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """List how many requests are kept, by account, task and day, and why others were not."""
    found = place.api().get(PATH)
    if as_json:
        print_json({"kept": found["data"], "dropped": found["dropped"]})
        return
    print_table(
        ("account", "task", "day (UTC)", "requests"),
        ((r["account"], r["task"], r["day"], r["requests"]) for r in found["data"]),
        right=("requests",),
        empty="nothing is kept; requests are where a policy says captures: 0.05",
    )
    for reason, count in sorted(found["dropped"].items()):
        say(f"not kept: {count} ({reason})")


@app.command()
def draw(
    account: _Account,
    *,
    out: Annotated[Path, typer.Option(help="The test set to write (JSONL).")],
    task: Annotated[str, typer.Option(help="Only calls of this task.")] = "",
    items: Annotated[int, typer.Option(min=1, max=10_000, help="Items at most.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws others.")] = 1,
) -> None:
    """Draw a test set from one account's requests; they are redacted, a person should read them."""
    body = {"account": account, "task": task, "items": items, "seed": seed}
    found = place.api().post(f"{PATH}/draw", body)
    _write(out, found["data"])
    say(f"{len(found['data'])} items in {out}; some names of people stay: read them first.")
    say("They have no reference: add one to each, or let a judge compare answers:\n")
    say(_snippet(account, out, found["policy"]))


@app.command()
def delete(
    account: _Account,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete all that is kept of an account; sets that were drawn stay where they are."""
    if not yes:
        typer.confirm(f"Delete every captured request of {account}?", abort=True)
    found = place.api().post(f"{PATH}/delete", {"account": account})
    if found["deleted"]:
        say(f"{counted(found['deleted'], 'request')} of {account} deleted.")
    else:
        say(f"Nothing of account {account} was kept; steelyard captures list names whose there is.")


def _write(out: Path, items: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(f"{out} is there already; give another name") from error
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from error
    # Half a surrogate pair, as a client may send one, is its code: in JSON that is the same.
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _snippet(account: str, out: Path, policy: str) -> str:
    """The task for ``steelyard.yaml``; the account's policy binds where its words may go."""
    name = account.replace("/", "-").replace("_", "-").replace(".", "-").lower()
    return "\n".join(
        (
            "tasks:",
            f"  {name}/captured:",
            f"    set: {out.resolve()}",
            "    grader: judge",
            "    grader_parameters: {judge: OFFER, baseline: OFFER}",
            "    floor: 0.45",
            f"    policy: {policy}",
            '    form: {id: as-is, user: "{input}", output_tokens_max: 512}',
        )
    )
