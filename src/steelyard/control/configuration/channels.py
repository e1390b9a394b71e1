"""Channels: from what the configuration and presets say to bodies, and from bodies to entries.

Addresses are filled in here, once; workers get them whole. Pure; no secret is in a body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from steelyard import dialects
from steelyard.config.check import Mistake, nearest, vendors_of
from steelyard.config.model import Channel, Config
from steelyard.config.vendor import Region, Spoken, Vendor
from steelyard.dialects import signers
from steelyard.dialects.error_table import ErrorRow, ErrorTable
from steelyard.dialects.openai_realtime import REALTIME
from steelyard.domain.offers import ChannelKind
from steelyard.gateway.snapshot import ChannelEntry, SpokenEntry
from steelyard.wire.proxy import read_proxy

Body = dict[str, Any]

_OWN_VENDOR = Vendor(kind=ChannelKind.SELF_HOSTED)
"""What holds for a channel that names no vendor."""
_RESOLVED = {
    *("vendor", "region", "parameters", "credential", "dialects", "headers", "query", "path"),
    *("base_url", "signing", "proxy"),
}
_ENTRY_FIELDS = frozenset(ChannelEntry.__struct_fields__) - {"errors", "speaks", "headers"}
_SPOKEN = {"credential_header", "credential_prefix", "signer"}
_PARAMETER = re.compile(r"\{([^{}]*)\}")
_MODEL = "model"
_VALUE = re.compile(r"[A-Za-z0-9._-]{1,128}")
"""Parameters become part of host names and paths, so they may not end either."""


def channel_body(channel: Channel, vendors: Mapping[str, Vendor]) -> Body:
    """What the database keeps of a channel, its vendor's preset filled in."""
    vendor = vendors.get(channel.vendor or "") or _OWN_VENDOR
    region = region_of(channel, vendor)
    own = _own_words(channel, vendor)
    given = channel.model_dump(mode="json", exclude=_RESOLVED, exclude_none=True)
    query = vendor.query if channel.query is None else channel.query
    body: Body = {
        "vendor": channel.vendor or "",
        "base_url": _filled(_address(channel, vendor), channel).rstrip("/"),
        "path": _filled(channel.path or (own or vendor).path, channel),
        "query": urlencode({name: _filled(value, channel) for name, value in query.items()}),
        "dialect": vendor.dialect,
        "kind": vendor.kind.value,
        "residency": vendor.residency if region is None else region.residency,
        "sends_attempt_id": vendor.sends_attempt_id,
        "credential": "yes" if channel.credential is not None else "",
        "credential_header": vendor.credential_header,
        "credential_prefix": vendor.credential_prefix,
        "signer": vendor.signer,
        **({} if own is None else own.model_dump(include=_SPOKEN, exclude_none=True)),
        "headers": {**vendor.headers, **(own.headers if own else {}), **channel.headers},
        **given,
    }
    body["signing"] = _signing(_signing_of(channel, vendor), channel)
    body["proxy"] = "yes" if channel.proxy is not None else ""
    body["speaks"] = _speaks(channel, vendor, body)
    body["errors"] = [_rule(rule.model_dump(exclude_defaults=True)) for rule in vendor.errors]
    body["in_200"] = list(vendor.in_200)
    return body


def channel_entry(name: str, body: Mapping[str, Any]) -> ChannelEntry:
    """A channel as workers need it; bodies of older versions lack the newer fields."""
    rows = tuple(ErrorRow(**row) for row in body.get("errors", ()))
    in_200 = tuple(body.get("in_200", ()))
    return ChannelEntry(
        name=name,
        **{k: v for k, v in body.items() if k in _ENTRY_FIELDS},
        headers=tuple(body.get("headers", {}).items()),
        errors=ErrorTable(rows, in_200) if rows or in_200 else None,
        speaks={
            dialect: SpokenEntry(**{**spoken, "headers": tuple(spoken["headers"].items())})
            for dialect, spoken in body.get("speaks", {}).items()
        },
    )


def region_of(channel: Channel, vendor: Vendor | None) -> Region | None:
    """The region that the channel chose, or None: the vendor's first."""
    return vendor.regions.get(channel.region or "") if vendor is not None else None


def check_channels(config: Config) -> Iterator[Mistake]:
    """Mistakes in how channels fill their presets in."""
    vendors = vendors_of(config)
    for name, channel in config.channels.items():
        vendor = vendors.get(channel.vendor or "") or _OWN_VENDOR
        path = ("channels", name)
        if vendor.needs:
            lacks = " and ".join(f"a {what}" for what in vendor.needs)
            yield (*path, "vendor"), f"{channel.vendor} cannot be called yet: needs {lacks}"
            continue
        regions = {vendor.region, *vendor.regions} - {""}
        if channel.region is not None and channel.region not in regions:
            hint = nearest(channel.region, regions) or f"; known: {', '.join(sorted(regions))}"
            yield (*path, "region"), f"no region is called {channel.region!r}{hint}"
        yield from _check_parameters(name, channel, vendor)
        yield from _check_way(name, channel)


def _check_way(name: str, channel: Channel) -> Iterator[Mistake]:
    """What workers could not send by, and would find out at the first call only."""
    spoken = {*dialects.available(), REALTIME.name}
    for place, dialect in (
        (("dialect",), channel.dialect or "openai_chat"),
        *((("dialects", found), found) for found in channel.dialects or {}),
    ):
        if dialect not in spoken:
            yield ("channels", name, *place), f"no dialect is so called{nearest(dialect, spoken)}"
    for place, signer in (
        (("signer",), channel.signer),
        *((("dialects", d, "signer"), told.signer) for d, told in (channel.dialects or {}).items()),
    ):
        known = signers.available()
        if signer and signer not in known:
            hint = nearest(signer, known) or f"; known: {', '.join(sorted(known))}"
            yield ("channels", name, *place), f"there is no signer {signer!r}{hint}"
    if channel.proxy is not None:
        try:
            read_proxy(channel.proxy.get_secret_value())
        except ValueError as error:
            yield ("channels", name, "proxy"), str(error)


def _check_parameters(name: str, channel: Channel, vendor: Vendor) -> Iterator[Mistake]:
    query = vendor.query if channel.query is None else channel.query
    own_path = channel.path or (_own_words(channel, vendor) or vendor).path
    places = [_address(channel, vendor), own_path, *query.values()]
    spoken = _spoken_of(channel, vendor).values()
    places += [place for one in spoken for place in (one.base_url or "", one.path)]
    places += _signing_of(channel, vendor).values()
    places += [value for one in spoken for value in one.signing.values()]
    wanted = {found for place in places for found in _PARAMETER.findall(place)} - {_MODEL}
    for parameter in sorted(wanted - set(channel.parameters)):
        meaning = vendor.parameters.get(parameter, "")
        text = f"needs parameters.{parameter}" + (f": {meaning}" if meaning else "")
        yield ("channels", name), text
    for parameter, value in channel.parameters.items():
        path = ("channels", name, "parameters", parameter)
        if parameter not in wanted:
            yield path, f"nothing asks for it{nearest(parameter, wanted)}"
        elif not _VALUE.fullmatch(value):
            yield path, "letters, digits and . _ - only, at most 128"


def _address(channel: Channel, vendor: Vendor) -> str:
    if channel.base_url:
        return channel.base_url
    own, region = _own_words(channel, vendor), region_of(channel, vendor)
    if own is not None and own.base_url:
        return own.base_url
    return region.base_url if region is not None else vendor.base_url


def _own_words(channel: Channel, vendor: Vendor) -> Spoken | None:
    """How the channel's own dialect is spoken, where its vendor speaks it beside another one."""
    dialect = channel.dialect
    if dialect is None or dialect == vendor.dialect or channel.base_url:
        return None
    spoken = _spoken_of(channel, vendor).get(dialect)
    return None if spoken is None else _as_usual(spoken, vendor.dialects.get(dialect, spoken))


def _as_usual(spoken: Spoken, usual: Spoken) -> Spoken:
    """A region says where; how it is spoken is the same everywhere."""
    prefix = spoken.credential_prefix
    return Spoken(
        base_url=spoken.base_url,
        path=spoken.path or usual.path,
        credential_header=spoken.credential_header or usual.credential_header,
        credential_prefix=usual.credential_prefix if prefix is None else prefix,
        headers={**usual.headers, **spoken.headers},
        signer=usual.signer if spoken.signer is None else spoken.signer,
        signing=spoken.signing or usual.signing,
    )


def _signing_of(channel: Channel, vendor: Vendor) -> Mapping[str, str]:
    if channel.signing is not None:
        return channel.signing
    own = _own_words(channel, vendor)
    return (own.signing if own is not None else {}) or vendor.signing


def _spoken_of(channel: Channel, vendor: Vendor) -> dict[str, Spoken]:
    """Further dialects of the channel: its own, its region's, or its vendor's.

    A channel with an address of its own has nothing of its vendor's: it may be a company's relay.
    """
    if channel.dialects is not None:
        return channel.dialects
    region = region_of(channel, vendor)
    if region is not None:
        return region.dialects
    return {} if channel.base_url else vendor.dialects


def _speaks(channel: Channel, vendor: Vendor, body: Body) -> dict[str, Body]:
    known = vendor.dialects
    found: dict[str, Body] = {}
    for dialect, spoken in _spoken_of(channel, vendor).items():
        if dialect == body["dialect"]:
            continue
        told = _as_usual(spoken, known.get(dialect, spoken))
        prefix = told.credential_prefix
        found[dialect] = {
            "base_url": _filled(told.base_url or body["base_url"], channel).rstrip("/"),
            "path": _filled(told.path, channel),
            "credential_header": told.credential_header or body["credential_header"],
            "credential_prefix": body["credential_prefix"] if prefix is None else prefix,
            "headers": {**body["headers"], **told.headers},
            "signer": body["signer"] if told.signer is None else told.signer,
            "signing": _signing(told.signing or vendor.signing, channel),
        }
    return found


def _signing(signing: Mapping[str, str], channel: Channel) -> dict[str, str]:
    return {name: _filled(value, channel) for name, value in signing.items()}


def _rule(rule: Body) -> Body:
    """A rule as ``ErrorRow`` names its fields."""
    return {name: value for name, value in rule.items() if value is not None}


def _filled(text: str, channel: Channel) -> str:
    """The text with parameters in place of their names; ``{model}`` is the worker's to fill."""
    return _PARAMETER.sub(lambda found: channel.parameters.get(found[1], found[0]), text)
