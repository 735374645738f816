"""The Scout formats and the BEP 44 items that carry them: pure functions over bytes."""
