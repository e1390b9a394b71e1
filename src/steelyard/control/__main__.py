"""``python -m steelyard.control``: the control process without pages."""

import sys

from steelyard.control.main import main

sys.exit(main())
