"""`python -m rnnlab` is the command `rnnlab`."""

from __future__ import annotations

import sys

from rnnlab.cli import main

sys.exit(main())
