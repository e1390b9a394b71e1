"""What a batch of entries adds to balances and leases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from steelyard.domain.entries import Entry
from steelyard.ledger.lines import currency
from steelyard.store.books import NS_PER_HOUR, BalanceKey, Sums

ATTEMPT = "attempt"
ADJUSTMENT = "adjustment"


def roll_up(entries: Sequence[Entry]) -> dict[BalanceKey, Sums]:
    """Sums per scope, hour of the call and currency.

    Scopes are every account on the path as it was at the call, and the key. An adjustment adds its
    amounts and tokens, but is no call and no attempt.
    """
    by_place: dict[tuple[str, str, str, int, str], list[int]] = {}
    for entry in entries:
        intent, settlement = entry.intent, entry.settlement
        place = (
            intent.account_path,
            intent.account_id,
            intent.key_id,
            intent.called_at_ns // NS_PER_HOUR,
            currency(entry),
        )
        sums = by_place.get(place)
        if sums is None:
            sums = by_place[place] = [0] * len(Sums._fields)
        sums[0] += settlement.cost_pico
        sums[1] += settlement.charge_pico
        if entry.kind == ATTEMPT:
            sums[2] += intent.attempt == 1
            sums[3] += 1
        sums[4] += settlement.usage.input_tokens
        sums[5] += settlement.usage.output_tokens
    added: dict[BalanceKey, Sums] = {}
    for (path, account_id, key_id, hour, code), counted in by_place.items():
        for scope in scopes(path, account_id, key_id):
            key = (scope, hour, code)
            added[key] = added.get(key, Sums()).plus(Sums(*counted))
    return added


def scopes(account_path: str, account_id: str, key_id: str) -> list[str]:
    """Every scope that a call counts for, each once."""
    accounts = dict.fromkeys(part for part in (*account_path.split("/"), account_id) if part)
    found = [f"account:{account}" for account in accounts]
    return [*found, f"key:{key_id}"] if key_id else found


def lease_use(entries: Sequence[Entry]) -> dict[int, int]:
    """Settled use per lease: pico-units for money, a count for other units."""
    used: dict[int, int] = defaultdict(int)
    for entry in entries:
        for lease_id, amount in entry.settlement.leases:
            used[lease_id] += amount
    return used
