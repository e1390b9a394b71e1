"""``python -m steelyard``: the command line, once the interpreter is known to be new enough."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - before any import of ours, which would fail with a riddle
    sys.exit("error: steelyard needs Python 3.11 or later; this is %d.%d" % sys.version_info[:2])  # noqa: UP031

from steelyard.cli.main import main

if __name__ == "__main__":
    main()
