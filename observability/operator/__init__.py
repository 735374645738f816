"""Objects for the Prometheus operator; see `__main__`."""
