"""Finds the graders: every file of this folder with a ``GRADER``, and entry points of others.

There is no list to forget: dropping a file into the folder is all it takes. Packages of others
offer theirs under the entry point group ``steelyard.graders``; both meet the same contract suite.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import entry_points

from steelyard.domain.errors import ConfigError
from steelyard.weigh import graders
from steelyard.weigh.catalog import nearest
from steelyard.weigh.graders.base import Grader, Parameters

ENTRY_POINTS = "steelyard.graders"


def find_graders() -> dict[str, Grader]:
    """All graders by name.

    Raises:
        ConfigError: two share a name, or an entry point gives something else or nothing.
    """
    candidates: list[tuple[str, object]] = []
    for module in pkgutil.iter_modules(graders.__path__):
        loaded = importlib.import_module(f"{graders.__name__}.{module.name}")
        if hasattr(loaded, "GRADER"):
            candidates.append((module.name, loaded.GRADER))
    for point in entry_points(group=ENTRY_POINTS):
        try:
            candidates.append((point.value, point.load()))
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{point.value}: cannot be imported: {error}") from error
    found: dict[str, Grader] = {}
    for where, grader in candidates:
        if not isinstance(grader, Grader):
            raise ConfigError(f"{where}: its GRADER is not a Grader")
        if grader.name in found:
            raise ConfigError(f"{where}: there is another grader called {grader.name}")
        found[grader.name] = grader
    return found


def find_grader(name: str, parameters: Parameters) -> Grader:
    """The grader of this name, once nothing keeps it from grading with these parameters here.

    Raises:
        ConfigError: as ``find_fitting``, or a machine on which it must not run.
    """
    grader = find_fitting(name, parameters)
    if lack := grader.lacks():
        raise ConfigError(f"grader {name}: {lack}")
    return grader


def find_fitting(name: str, parameters: Parameters) -> Grader:
    """The grader of this name, once it knows all parameters given and has nothing against them.

    Raises:
        ConfigError: no such grader or parameter (names the nearest, or those there are), or a value
            that the grader cannot work with.
    """
    found = find_graders()
    if name not in found:
        raise ConfigError(f"no grader {name}{nearest(name, found)}")
    grader = found[name]
    for key in parameters:
        if key not in grader.parameters:
            known = ", ".join(sorted(grader.parameters)) or "none"
            raise ConfigError(f"grader {name} has no parameter {key}; known: {known}")
    if wrong := grader.check({**grader.parameters, **parameters}):
        raise ConfigError(f"grader {name}: {wrong}")
    return grader
