"""Scout's Python SDK: find your peers and leave them messages."""
