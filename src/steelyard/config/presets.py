"""The packaged vendors: one YAML file each beside this package, data only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from steelyard.config.document import parse
from steelyard.config.vendor import Vendor

DEFAULT_FILE = "steelyard.default.yaml"
"""What a newcomer's ``steelyard.yaml`` begins as; stands in the vendors' folder too."""


@cache
def packaged_vendors() -> Mapping[str, Vendor]:
    """The vendors that come with steelyard, by name."""
    found = {}
    for entry in sorted(_folder().iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".yaml") and entry.name != DEFAULT_FILE:
            document = parse(entry.read_text("utf-8"), entry.name)
            found[entry.name.removesuffix(".yaml")] = Vendor.model_validate(document.value)
    return found


def default_text() -> str:
    """The configuration a newcomer starts with: two local models, no account anywhere."""
    return _folder().joinpath(DEFAULT_FILE).read_text("utf-8")


def _folder() -> Traversable:
    return resources.files("steelyard").joinpath("vendors")
