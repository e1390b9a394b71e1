"""What becomes of attempts that were not settled once: orphans, late and doubled settlements.

An orphan is an intent of a dead worker without a settlement. Whatever settles an attempt that is
already booked becomes an adjustment: a line of its own with the difference, never an edit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from steelyard.domain.calls import Outcome
from steelyard.domain.entries import Entry, Intent, LeaseUse, Settlement
from steelyard.domain.usage import ESTIMATED, Usage
from steelyard.ledger.balances import ADJUSTMENT, ATTEMPT
from steelyard.ledger.lines import currency

ORPHAN_DETAIL = "worker died"
_NOTHING = Usage(requests=0)


def close_orphan(intent: Intent, booked_at_ns: int) -> Entry:
    """The line of an attempt whose worker died before settling it.

    Nobody knows what the vendor did, so it is booked at what was reserved for it: an upper bound,
    marked as an estimate, for the vendor's bill to correct.
    """
    settlement = Settlement(
        incarnation=intent.incarnation,
        sequence=intent.sequence,
        attempt=intent.attempt,
        outcome=Outcome.UNCERTAIN,
        usage=Usage(intent.input_tokens_expected, intent.output_tokens_reserved),
        usage_source=ESTIMATED,
        cost_pico=intent.reserved_pico,
        charge_pico=intent.reserved_pico,
        currency=intent.currency,
        leases=intent.leases,
        settled_at_ns=booked_at_ns,
        detail=ORPHAN_DETAIL,
    )
    return Entry(intent, settlement, booked_at_ns, ATTEMPT)


def adjust(booked: Sequence[Entry], settlement: Settlement, booked_at_ns: int) -> list[Entry]:
    """Lines that bring what is booked of one attempt to what ``settlement`` says.

    Usually one; two where the currency changed, since amounts of two currencies have no
    difference.

    Args:
        booked: All lines of the attempt, at least one.
        settlement: What it settles with now.
        booked_at_ns: UTC instant of the new lines.
    """
    intent = booked[0].intent
    wanted = settlement.currency or intent.currency
    usage = _NOTHING
    leases: dict[int, int] = defaultdict(int)
    cost: dict[str, int] = defaultdict(int)
    charge: dict[str, int] = defaultdict(int)
    for entry in booked:
        usage = usage.plus(entry.settlement.usage)
        cost[currency(entry)] += entry.settlement.cost_pico
        charge[currency(entry)] += entry.settlement.charge_pico
        for lease_id, amount in entry.settlement.leases:
            leases[lease_id] -= amount
    for lease_id, amount in settlement.leases:
        leases[lease_id] += amount
    change = settlement._replace(
        usage=settlement.usage.minus(usage),
        leases=tuple(LeaseUse(*use) for use in leases.items() if use[1]),
        cost_pico=settlement.cost_pico - cost.pop(wanted, 0),
        charge_pico=settlement.charge_pico - charge.pop(wanted, 0),
        currency=wanted,
    )
    lines = [Entry(intent, change, booked_at_ns, ADJUSTMENT)]
    for other, amount in cost.items():
        reversal = change._replace(
            usage=_NOTHING,
            leases=(),
            cost_pico=-amount,
            charge_pico=-charge[other],
            currency=other,
        )
        lines.append(Entry(intent, reversal, booked_at_ns, ADJUSTMENT))
    return lines
