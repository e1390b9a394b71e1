"""What is known of vendors, for people: the packaged presets and those of the configuration.

Names no vendor; works from data alone.
"""

from __future__ import annotations

from typing import Any

from steelyard.config.model import Config
from steelyard.config.presets import packaged_vendors
from steelyard.config.vendor import Vendor
from steelyard.domain.errors import RequestError
from steelyard.domain.offers import CHAT, WORKS, ChannelKind, takes_chats

Row = dict[str, Any]


def vendor_rows(config: Config | None, name: str | None = None) -> list[Row]:
    """All vendors by name, without the engines of this machine, which nobody buys.

    Args:
        config: has vendors of its own, which stand in for packaged ones of the same name, and
            channels that use them; None where there is none.
        name: only this one.

    Raises:
        RequestError: there is none of that name.
    """
    own = {} if config is None else config.vendors
    used: dict[str, list[str]] = {}
    for channel, body in ({} if config is None else config.channels).items():
        used.setdefault(body.vendor or "", []).append(channel)
    rows = [
        {
            "name": found,
            **_facts(vendor),
            "origin": "steelyard.yaml" if found in own else "packaged",
            "channels": sorted(used.get(found, ())),
        }
        for found, vendor in sorted({**packaged_vendors(), **own}.items())
        if vendor.kind is not ChannelKind.EMBEDDED and name in (None, found)
    ]
    if not rows:
        unknown = RequestError(f"no vendor is called {(name or '')[:128]!r}", code="not_found")
        unknown.status = 404
        raise unknown
    return rows


def _facts(vendor: Vendor) -> Row:
    first = vendor.region or vendor.residency
    regions = [_site(first, vendor.base_url, vendor.residency, sorted(vendor.dialects))]
    regions += [
        _site(name, region.base_url, region.residency, sorted(region.dialects))
        for name, region in vendor.regions.items()
    ]
    listing = vendor.list
    return {
        "title": vendor.title,
        "title_zh": vendor.title_zh,
        "kind": vendor.kind.value,
        "dialects": [vendor.dialect, *sorted(vendor.dialects)],
        "regions": regions,
        "parameters": vendor.parameters,
        "credential": vendor.credential,
        "credential_header": vendor.credential_header,
        "works": _works(vendor),
        "features": sorted(vendor.features),
        "manners": list(vendor.manners),
        "limits": list(vendor.limits),
        "errors": len(vendor.errors),
        "models": {
            name: model.model_dump(exclude_defaults=True)
            for name, model in sorted(vendor.models.items())
        },
        "list": listing.model_dump(exclude_defaults=True) if listing is not None else None,
        "needs": list(vendor.needs),
        "is_legacy": vendor.legacy,
        "notes": vendor.notes,
        "documentation": vendor.documentation,
        "source": vendor.source,
    }


def _works(vendor: Vendor) -> list[str]:
    """Chats and other work that the vendor's models are known to do."""
    features = [vendor.features, *(model.features or () for model in vendor.models.values())]
    others = {name for found in features for name in found if name in WORKS}
    return [CHAT, *sorted(others)] if takes_chats(vendor.features) else sorted(others)


def _site(name: str, base_url: str, residency: str, dialects: list[str]) -> Row:
    return {"name": name, "base_url": base_url, "residency": residency, "dialects": dialects}
