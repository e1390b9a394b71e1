"""``python -m steelyard.console``: the control process with its pages."""

import sys

from steelyard.console.pages import pages
from steelyard.control.main import main

sys.exit(main(pages=pages))
