"""Measured features in place of a preset's: what holds for offers once a probe was applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from steelyard.store import objects, probes
from steelyard.store.objects import Stored
from steelyard.store.probes import Probe

BY_FILE = "file"
"""``features_by`` of an offer whose features stand in ``steelyard.yaml``: nobody knows better."""


def offers(connection: Connection) -> dict[str, Stored]:
    """All offers that hold now, with what was measured about them."""
    applied = probes.applied(connection)
    found = objects.current(connection, "offer")
    if not applied:
        return found
    return {
        name: stored._replace(body=laid_over(stored.body, applied.get(name)))
        for name, stored in found.items()
    }


def laid_over(body: Mapping[str, Any], probe: Probe | None) -> Mapping[str, Any]:
    """An offer with what a probe measured; unchanged where that was measured elsewhere."""
    if probe is None or not holds(body, probe):
        return body
    features = change(body["features"], probe.body["has"], probe.body["lacks"])
    return {**body, "features": features, "measured_at_ns": probe.at_ns}


def holds(body: Mapping[str, Any], probe: Probe) -> bool:
    """Whether a probe says anything about the offer as it is: the same place, the same model."""
    place = (body["channel"], body["upstream_model"])
    return body.get("features_by") != BY_FILE and place == (probe.channel, probe.upstream_model)


def change(features: list[str], has: list[str], lacks: list[str]) -> list[str]:
    """Features with those that were shown, and without those that are missing."""
    return sorted({*features, *has} - set(lacks))
