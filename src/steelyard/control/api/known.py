"""Names that somebody asks for: an unknown one is an error with the nearest, never just nothing."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from steelyard.config.check import nearest
from steelyard.domain.errors import InvalidRequest, RequestError
from steelyard.store import objects

_SHOWN = 128
"""Letters of a name that are repeated to whoever wrote it."""


class NoSuchOffer(RequestError):
    """No offer has this name."""

    code = "offer_not_found"
    status = 404


class NoSuchTask(RequestError):
    """No task has this name."""

    code = "task_not_found"
    status = 404


def demand_known(connection: Connection, *, task: str = "", offer: str = "") -> None:
    """Holds names to those that there are; for whoever found nothing by them. Empty is none.

    Raises:
        NoSuchTask, NoSuchOffer: nothing has this name; names the nearest.
    """
    if task:
        tasks = objects.current(connection, "task")
        if task not in tasks:
            raise NoSuchTask(_told("task", task, tasks, "steelyard tasks list"), param="task")
    if offer:
        offers = objects.current(connection, "offer")
        if offer not in offers:
            raise NoSuchOffer(_told("offer", offer, offers, "steelyard offers"), param="offer")


def demand_one_of(what: str, name: str, known: Iterable[str]) -> None:
    """Holds another kind of name to those that there are.

    Raises:
        InvalidRequest: it is none of them; names the nearest, or all.
    """
    names = sorted(known)
    if name not in names:
        hint = nearest(name, names) or f"; known: {', '.join(names) or 'none'}"
        raise InvalidRequest(f"no {what} is called {name[:_SHOWN]!r}{hint}", param=what)


def _told(what: str, name: str, known: Iterable[str], command: str) -> str:
    hint = nearest(name, known) or f"; {command} names them all"
    return f"no {what} is called {name[:_SHOWN]!r}{hint}"
