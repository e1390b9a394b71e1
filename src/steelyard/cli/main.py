"""The ``steelyard`` command: gathers the groups, and turns errors into one line and an exit code.

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from steelyard.cli import (
    answered,
    asking,
    auditing,
    authenticity,
    books,
    captures,
    cases,
    comparing,
    drift,
    exchange,
    keys,
    limits,
    models,
    moving,
    operating,
    prices,
    proving,
    setting_up,
    supply,
    tasks,
    vendors,
    verdicts,
    weighings,
    what_if,
)
from steelyard.cli.output import printable
from steelyard.domain.errors import ConfigError, SteelyardError

app = typer.Typer(
    name="steelyard",
    help="One OpenAI-compatible endpoint before every model vendor:"
    " priced, weighed, routed and booked.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for group in (
    operating,
    setting_up,
    asking,
    books,
    auditing,
    what_if,
    proving,
    verdicts,
    comparing,
):
    group.register(app)
app.add_typer(keys.app, name="key")
app.add_typer(limits.app, name="limits")
app.add_typer(models.app, name="models")
app.add_typer(prices.app, name="prices")
app.add_typer(exchange.app, name="exchange")
app.add_typer(vendors.app, name="vendors")
app.add_typer(moving.app, name="import")
app.add_typer(answered.app, name="answers")
app.add_typer(supply.app, name="supply")
app.add_typer(tasks.app, name="tasks")
app.add_typer(weighings.app, name="weighings")
app.add_typer(drift.app, name="drift")
app.add_typer(authenticity.app, name="authenticity")
app.add_typer(captures.app, name="captures")
app.add_typer(cases.app, name="cases")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and ends the process."""
    try:
        app(args=arguments, standalone_mode=True)
    except SteelyardError as error:
        sys.stderr.write(f"error: {printable(error.message)}\n")
        sys.exit(2 if isinstance(error, ConfigError) else 1)
    except BrokenPipeError:  # the reader, such as ``head``, has seen enough
        sys.stderr.close()
        sys.exit(0)
