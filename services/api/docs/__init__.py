"""The page at `/docs`: the OpenAPI document for people. Made once at the start; it needs no script to be read."""
