"""The programs that people use: where they are, installed when first asked for."""

from __future__ import annotations

from pathlib import Path

import foreign_installs
from foreign_installs import INSTALL_S, CannotInstall

__all__ = ["HERE", "INSTALL_S", "CannotInstall", "js_programs", "node", "python_program"]

HERE = Path(__file__).resolve().parent
NODE_MAJOR_MIN = 22
"""What the programs of JavaScript ask for; a machine that has less gets one beside them."""


def python_program(name: str) -> Path:
    """The folder of commands of a Python program that has a lock file of this name here.

    Raises:
        CannotInstall: a package cannot be had.
    """
    return foreign_installs.python_packages(HERE / f"{name}.lock")


def js_programs() -> Path:
    """The folder of the packages of all programs that come from npm.

    Raises:
        CannotInstall: npm is missing, or a package cannot be had.
    """
    return foreign_installs.npm_packages(HERE / "js") / "node_modules"


def node(packages: Path) -> str:
    """A node that is new enough: the machine's, or the one installed beside the programs.

    Raises:
        CannotInstall: there is none for this machine.
    """
    return foreign_installs.node(packages.parent, NODE_MAJOR_MIN)
