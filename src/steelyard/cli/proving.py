"""``weigh``: a task's offers on its test set."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
