"""``steelyard prices``: the price book, its history, and what follows from it; one file a group."""

from __future__ import annotations

import typer

from steelyard.cli.prices import book, changes, claims, market

app = typer.Typer(help="The price book: every price, when it held, and why.", no_args_is_help=True)
for group in (book, market, changes, claims):
    group.register(app)
