"""Queries a second of one node beside libtorrent's: `python -m bench.krpc` (or `make bench-krpc`)."""
