"""Start, signals, drain, exit status."""
