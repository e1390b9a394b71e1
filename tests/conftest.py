"""Settings that hold for every test.

Laws are checked without a deadline: what a machine with two busy cores takes long for is not wrong.
Continuous integration draws the same examples each time, so that a red run can be repeated. An
ordinary run takes few examples, since it is made often; ``STEELYARD_EXAMPLES=2000`` takes many.
"""

from __future__ import annotations

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("STEELYARD_EXAMPLES", "40"))

settings.register_profile("person", deadline=None, max_examples=EXAMPLES)
settings.register_profile(
    "ci", deadline=None, max_examples=EXAMPLES, derandomize=True, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "person")
