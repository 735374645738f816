"""Request and reply over Redis streams: see docs/bus.md for the promises and the tests that hold them."""
