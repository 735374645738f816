"""scout1: the original's format, byte for byte, so that its clients and ours meet (docs: the Scout format)."""
