"""Settings that hold for every test.

Laws are checked without a deadline: what a machine with two busy cores takes long for is not wrong.
Continuous integration draws the same examples each time, so that a red run can be repeated.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("person", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "person")
