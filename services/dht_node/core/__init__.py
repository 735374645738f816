"""The DHT as a value: bytes, time, entropy and a verifier go in; datagrams, events and one deadline come out.

Nothing here does I/O, owns a clock or rolls dice; import-linter holds it to that.
"""
