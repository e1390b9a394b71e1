"""Settings that hold for every test.

Laws are checked without a deadline: what a machine with two busy cores takes long for is not wrong.
Continuous integration draws the same examples each time, so that a red run can be repeated. An
ordinary run takes few examples, since it is made often; ``STEELYARD_EXAMPLES=2000`` takes many.

Each client of httpx reads all certificates of the machine anew, which takes longer than most tests:
here they are read once. Modules that take long begin first, so that none is alone at the end, and
there are more workers than cores, since about half of the time they wait for other processes.
"""

from __future__ import annotations

import os
import signal
from functools import cache
from typing import Any

import pytest
from httpx._transports import default as httpx_transports
from hypothesis import settings

from long_modules import LONGEST_FIRST

EXAMPLES = int(os.environ.get("STEELYARD_EXAMPLES", "40"))

settings.register_profile("person", deadline=None, max_examples=EXAMPLES)
settings.register_profile(
    "ci", deadline=None, max_examples=EXAMPLES, derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "person")

os.environ["COLUMNS"] = "400"
"""Of commands: tests look at what is printed, not where its lines are broken. Whoever spreads tests
over processes tells them a width, too."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so; programs that tests interrupt inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_read_certificates = httpx_transports.create_ssl_context


@cache
def _trusted(trust_env: bool, cert_file: str | None, cert_dir: str | None) -> Any:
    """A context for each set of certificates: the environment says which are read."""
    return _read_certificates(trust_env=trust_env)


def _create_ssl_context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> Any:
    if verify is not True or cert is not None:
        return _read_certificates(verify, cert, trust_env)
    return _trusted(trust_env, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


httpx_transports.create_ssl_context = _create_ssl_context


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules in front, the others and the tests of each in the random order they came in."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """For ``-n auto``: three for two cores; what the environment says goes before."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2
