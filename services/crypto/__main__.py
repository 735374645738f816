"""`python -m services.crypto`."""

from __future__ import annotations

import sys

from services.crypto.app import main

sys.exit(main())
