"""From the configuration to the bodies the database keeps: presets, catalogue and tasks filled in.

Pure but for the shipped data it reads. ``RULES`` are the checks of the file that need to know the
local models and the tasks; ``load_config`` is the loader that everybody who has control's
knowledge should use.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from steelyard.config.amounts import read_money, read_price
from steelyard.config.check import (
    Mistake,
    features_of,
    nearest,
    offer_name,
    preset_of,
    vendors_of,
)
from steelyard.config.load import Rule, load
from steelyard.config.model import Channel, Config, Limit, Offer
from steelyard.config.model import LocalModel as WantedModel
from steelyard.config.vendor import PriceListing
from steelyard.control.configuration.channels import channel_body, check_channels, region_of
from steelyard.control.configuration.taskbook import grader_rule, task_rule
from steelyard.domain.budgets import Period, Unit
from steelyard.domain.errors import ModelError
from steelyard.domain.instants import day_ns
from steelyard.domain.listings import OFFICIAL, RESELLER
from steelyard.domain.money import PICO, to_fraction
from steelyard.domain.offers import ChannelKind
from steelyard.local.models import LocalModel, catalogue, find, own_model
from steelyard.local.rates import rates_from_cpu_hour
from steelyard.store import limits as limits_store
from steelyard.store import prices as prices_store

LOCAL = "local"
LOCAL_CONTEXT_TOKENS = 8192
"""Context of a local model's slot when the file says nothing: memory grows with it."""
LOCAL_OUTPUT_TOKENS = 2048
WORK_TOKENS = 1_000_000
"""Longest input of work that is no chat where nobody says: the vendor knows its own bounds."""
_ENGINE_SETTINGS = {
    *("timeout_connect_s", "timeout_first_byte_s", "timeout_idle_s", "timeout_total_s"),
    *("connections_max", "concurrency", "ca_file", "attributes", "is_default"),
}
Body = dict[str, Any]
Terms = dict[str, list[prices_store.Terms]]


def load_config(file: Path, env: Mapping[str, str]) -> Config:
    """The configuration in ``file``, checked against local models and tasks too.

    Raises:
        InvalidConfig: with every mistake that was found.
    """
    return load(file, env, RULES)


def channels(config: Config) -> dict[str, Body]:
    """All channels by name, the embedded engines' too, presets filled in; no secret is in them."""
    vendors = vendors_of(config)
    found = {name: channel_body(channel, vendors) for name, channel in config.channels.items()}
    for name in config.local.models:
        model = local_model(name, config.local.models[name])
        found[f"{LOCAL}/{model.name}"] = _engine_channel(model)
    for name, body in found.items():
        if body["credential"]:
            body["credential"] = name
        if body.get("proxy"):
            body["proxy"] = proxy_secret(name)
    return found


def secrets(config: Config) -> dict[str, str]:
    """Credentials by the name of their channel, and proxies' addresses, which hold passwords."""
    found = {}
    for name, channel in config.channels.items():
        if channel.credential is not None:
            found[name] = channel.credential.get_secret_value()
        if channel.proxy is not None:
            found[proxy_secret(name)] = channel.proxy.get_secret_value()
    return found


def proxy_secret(channel: str) -> str:
    """Name under which the address of a channel's proxy is kept; no channel can be called so."""
    return f"{channel} proxy"


def vendors_used(config: Config) -> dict[str, Body]:
    """What people should know about the vendors that channels use."""
    used = {channel.vendor for channel in config.channels.values() if channel.vendor}
    if config.local.models:
        used.add(LOCAL)
    vendors = vendors_of(config)
    return {
        name: {
            "title": vendors[name].title or name,
            "title_zh": vendors[name].title_zh,
            "documentation": vendors[name].documentation,
        }
        for name in sorted(used & set(vendors))
    }


def offers(config: Config) -> dict[str, tuple[Body, Terms]]:
    """All offers by name with their own prices by item; most follow the price book instead."""
    found = {offer_name(offer): _offer(config, offer) for offer in config.offers}
    for name, wanted in config.local.models.items():
        model = local_model(name, wanted)
        found[f"{LOCAL}/{model.name}"] = _local_offer(config, model, wanted or WantedModel())
    return found


def engines(config: Config) -> list[Body]:
    """The engines that the supervisor shall run, as ``engines.json`` lists them."""
    found = []
    for name, given in config.local.models.items():
        wanted = given or WantedModel()
        model = local_model(name, wanted)
        found.append(
            {
                "name": model.name,
                "model_file": str(model.own_path or ""),
                "threads": wanted.threads,
                "slots": wanted.slots,
                "context": _context(model, wanted),
                "port": None,
            }
        )
    return found


def policies(config: Config) -> dict[str, Body]:
    """All policies by name."""
    return {name: policy.model_dump(mode="json") for name, policy in config.policies.items()}


def limit_terms(limits: tuple[Limit, ...]) -> list[limits_store.Terms]:
    """Limits as the store keeps them."""
    found = []
    for limit in limits:
        if limit.money is not None and limit.period is not None:
            money = read_money(limit.money)
            terms = limits_store.Terms(
                Unit.MONEY, money.amount_pico, Period(limit.period), money.currency, limit.zone
            )
        else:
            # Minutes are the same in every zone we know of.
            terms = limits_store.Terms(Unit.REQUESTS, limit.requests or 0, Period.MINUTE)
        found.append(terms._replace(is_hard=limit.is_hard))
    return found


def local_model(name: str, wanted: WantedModel | None) -> LocalModel:
    """The model of the catalogue, or the file of one's own.

    Raises:
        ModelError: there is no such model or file.
    """
    if wanted is not None and wanted.path:
        return own_model(name, Path(wanted.path).expanduser())
    return find(name)


def _engine_channel(model: LocalModel) -> Body:
    # A queue of an engine's slots may be long and a small machine slow: an idle answer is none.
    plain = Channel(
        timeout_first_byte_s=600.0, timeout_idle_s=120.0, timeout_total_s=1800.0, is_default=True
    )
    return {
        **plain.model_dump(mode="json", include=_ENGINE_SETTINGS),
        "vendor": LOCAL,
        "base_url": "",
        "dialect": "openai_chat",
        "kind": ChannelKind.EMBEDDED.value,
        "residency": LOCAL,
        "sends_attempt_id": False,
        "credential": "yes",
        "engine": model.name,
    }


def _offer(config: Config, offer: Offer) -> tuple[Body, Terms]:
    preset = preset_of(config, offer)
    vendor = vendors_of(config).get(config.channels[offer.channel].vendor or "")
    features = features_of(offer, preset, vendor)
    # Only work that is no chat may leave it open; what a vendor refuses then, it refuses itself.
    context = offer.context or (preset.context if preset else None) or WORK_TOKENS
    manners = offer.manners
    if manners is None and preset is not None:
        manners = preset.manners
    if manners is None:
        manners = vendor.manners if vendor else ()
    answers_as = offer.answers_as
    if answers_as is None:
        answers_as = preset.answers_as if preset else ()
    listing = _listing(config, offer)
    body: Body = {
        "name": offer_name(offer),
        "model": offer.model,
        "channel": offer.channel,
        "upstream_model": offer.upstream_model or offer.model,
        "context_tokens": context,
        "output_tokens_max": offer.output_max or (preset.output_max if preset else None) or context,
        "features": sorted({*features, *manners}),
        # The file's own word on features is above what a probe measures.
        "features_by": "preset" if offer.features is None else "file",
        "answers_as": list(answers_as),
        "tokens_per_byte": offer.tokens_per_byte,
        "enabled": offer.enabled,
        "list": listing,
        # Without a vendor it would be anybody's price for a model of that name.
        "follows_list": offer.rates is None and bool(listing["vendor"]),
        "priced_at": offer.priced_at or (vendor.priced_at if vendor else "start"),
    }
    since = day_ns(offer.valid_from) if offer.valid_from else 0
    return body, {
        item: [_terms(price, since, "steelyard.yaml")]
        for item, price in (offer.rates or {}).items()
    }


def _listing(config: Config, offer: Offer) -> Body:
    """Where the offer stands in the price book: what the file says, else what its vendor does."""
    channel = config.channels[offer.channel]
    vendor = vendors_of(config).get(channel.vendor or "")
    preset = preset_of(config, offer)
    own, usual = offer.list or PriceListing(), (vendor and vendor.list) or PriceListing()
    region = region_of(channel, vendor)
    if region is not None and region.list is not None:
        usual = usual.model_copy(update=region.list.model_dump(exclude_defaults=True))
    kind = channel.kind or (vendor.kind if vendor else ChannelKind.OFFICIAL)
    sold_by = RESELLER if kind is ChannelKind.RESELLER else OFFICIAL
    title = (vendor.title or channel.vendor) if vendor else ""
    name = offer.upstream_model or offer.model
    return {
        "vendor": own.vendor or usual.vendor or title or "",
        "channel": own.channel or usual.channel or sold_by,
        "model": own.model or (preset.list_model if preset else "") or name,
        "currency": own.currency or usual.currency or "",
        "region": own.region or usual.region,
        "seller": own.seller or usual.seller,
        "variant": own.variant or usual.variant,
    }


def _local_offer(config: Config, model: LocalModel, wanted: WantedModel) -> tuple[Body, Terms]:
    context = _context(model, wanted)
    body: Body = {
        "name": f"{LOCAL}/{model.name}",
        "model": model.name,
        "channel": f"{LOCAL}/{model.name}",
        "upstream_model": model.name,
        "context_tokens": context,
        "output_tokens_max": min(context, wanted.output_max or LOCAL_OUTPUT_TOKENS),
        "features": sorted(wanted.features),
        "tokens_per_byte": 0.30,
        "enabled": True,
    }
    if wanted.rates is not None:
        return body, {
            item: [_terms(price, 0, "steelyard.yaml")] for item, price in wanted.rates.items()
        }
    speed = wanted.speed or model.speed
    if speed is None or config.local.price_per_cpu_hour is None:
        return body, {}
    hour = read_money(config.local.price_per_cpu_hour)
    per_mtok = rates_from_cpu_hour(
        to_fraction(hour.amount_pico) / PICO,
        speed.prefill_tok_s,
        speed.decode_tok_s,
        speed.threads,
    )
    source = f"{hour} per hour of CPU at the measured speed"
    return body, {
        item: [prices_store.Terms(0, Fraction(amount), hour.currency, "mtok", source)]
        for item, amount in zip(("input", "output"), per_mtok, strict=True)
    }


def _context(model: LocalModel, wanted: WantedModel) -> int:
    trained = model.context_tokens or LOCAL_CONTEXT_TOKENS
    return wanted.context or min(trained, LOCAL_CONTEXT_TOKENS)


def _terms(price_text: str, valid_from_ns: int, source: str) -> prices_store.Terms:
    price = read_price(price_text)
    return prices_store.Terms(valid_from_ns, price.amount, price.currency, price.unit, source)


def _check_models(config: Config) -> Iterator[Mistake]:
    names = {*catalogue(), *(model.alias for model in catalogue().values())}
    seen: set[str] = set()
    for name, wanted in config.local.models.items():
        path = ("local", "models", name)
        try:
            model = local_model(name, wanted)
        except ModelError as error:
            hint = "" if wanted is not None and wanted.path else nearest(name, names)
            yield path, error.message if not hint else f"no local model is called {name!r}{hint}"
            continue
        if model.name in seen:
            yield path, f"is {model.name}, which stands already"
        seen.add(model.name)


RULES: tuple[Rule, ...] = (_check_models, check_channels, task_rule, grader_rule)
