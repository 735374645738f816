"""A mainline DHT node (BEP 5, 42, 43, 44) that answers the bus."""
