"""`python -m services.dht_node`."""

from __future__ import annotations

import sys

from services.dht_node.app import main

sys.exit(main())
