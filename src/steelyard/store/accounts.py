"""The tree of accounts. Ids (``acc_3``) never change and are never used again; names may change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from steelyard.domain.errors import InvalidRequest
from steelyard.store.objects import refuse_foreign
from steelyard.store.revisions import Change, note
from steelyard.store.schema import accounts

_PREFIX = "acc_"
DEPTH_MAX = 16


class StoredAccount(NamedTuple):
    """A node that is not retired."""

    account_id: str
    parent_id: str | None
    name: str
    policy: str
    managed_by: str
    created_at_ns: int


class Tree:
    """All accounts at one moment, with the questions people ask about a tree."""

    def __init__(self, nodes: Iterator[StoredAccount]) -> None:
        self.by_id: Mapping[str, StoredAccount] = {node.account_id: node for node in nodes}
        self.id_by_path = {self.path(account_id): account_id for account_id in self.by_id}

    def chain(self, account_id: str) -> list[StoredAccount]:
        """The account and all above it, root first."""
        chain: list[StoredAccount] = []
        at: str | None = account_id
        while at is not None:
            node = self.by_id[at]
            chain.append(node)
            at = node.parent_id
        return chain[::-1]

    def path(self, account_id: str) -> str:
        """Names from the root down, such as ``acme/support``."""
        return "/".join(node.name for node in self.chain(account_id))

    def id_path(self, account_id: str) -> str:
        """Ids from the root down, as the journal and the ledger keep them."""
        return "/".join(node.account_id for node in self.chain(account_id))

    def find(self, name: str) -> str:
        """The id of an account given by its id or its path.

        Raises:
            InvalidRequest: there is none.
        """
        if name in self.by_id:
            return name
        if name in self.id_by_path:
            return self.id_by_path[name]
        raise InvalidRequest(f"no account {name!r}", param="account", code="account_not_found")


def tree(connection: Connection) -> Tree:
    """The accounts that are not retired."""
    rows = connection.execute(
        select(accounts)
        .where(accounts.c.retired_at_ns.is_(None))
        .order_by(accounts.c.account_number)
    )
    return Tree(
        StoredAccount(
            account_id(row.account_number),
            account_id(row.parent_number) if row.parent_number is not None else None,
            row.name,
            row.policy,
            row.managed_by,
            row.created_at_ns,
        )
        for row in rows
    )


def add(
    connection: Connection, change: Change, parent_id: str | None, name: str, managed_by: str
) -> str:
    """A new account's id.

    Raises:
        InvalidRequest: the parent does not exist, or has an account of that name already.
    """
    now = tree(connection)
    above = now.chain(parent_id) if parent_id in now.by_id and parent_id is not None else []
    if parent_id is not None and not above:
        raise InvalidRequest(f"no account {parent_id!r}", param="parent", code="account_not_found")
    if len(above) >= DEPTH_MAX:
        raise InvalidRequest(f"accounts nest at most {DEPTH_MAX} deep", param="parent")
    if "/".join([node.name for node in above] + [name]) in now.id_by_path:
        raise InvalidRequest(f"an account {name!r} exists there already", code="account_exists")
    row = connection.execute(
        insert(accounts)
        .values(
            parent_number=number(parent_id) if parent_id is not None else None,
            name=name,
            managed_by=managed_by,
            created_at_ns=change.at_ns,
        )
        .returning(accounts.c.account_number)
    )
    made = account_id(row.scalar_one())
    note(connection, change, "add", f"account/{made}", name=name, parent=parent_id)
    return made


def change(
    connection: Connection, by: Change, node: StoredAccount, manager: str, **values: str
) -> None:
    """Sets ``name``, ``policy`` or ``managed_by`` of an account; ``manager`` is who asks.

    Raises:
        Forbidden: the file manages it.
    """
    refuse_foreign(f"account {node.name}", node.managed_by, manager)
    connection.execute(
        update(accounts)
        .where(accounts.c.account_number == number(node.account_id))
        .values(**values)
    )
    note(connection, by, "change", f"account/{node.account_id}", **values)


def retire(connection: Connection, by: Change, node: StoredAccount, managed_by: str) -> None:
    """Ends an account; its keys must be revoked by the caller.

    Raises:
        Forbidden: the file manages it.
        InvalidRequest: accounts below it still hold.
    """
    refuse_foreign(f"account {node.name}", node.managed_by, managed_by)
    if any(other.parent_id == node.account_id for other in tree(connection).by_id.values()):
        raise InvalidRequest(f"account {node.name} has accounts below it", code="account_in_use")
    connection.execute(
        update(accounts)
        .where(accounts.c.account_number == number(node.account_id))
        .values(retired_at_ns=by.at_ns)
    )
    note(connection, by, "retire", f"account/{node.account_id}")


def account_id(account_number: int) -> str:
    """The immutable id as people and the ledger see it."""
    return f"{_PREFIX}{account_number}"


def number(of: str) -> int:
    """The row number behind an id.

    Raises:
        InvalidRequest: the text is no account id.
    """
    digits = of.removeprefix(_PREFIX)
    if not of.startswith(_PREFIX) or not digits.isascii() or not digits.isdecimal():
        raise InvalidRequest(f"no account id: {of[:64]!r}", code="account_not_found")
    return int(digits)
