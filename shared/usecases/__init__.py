"""What Scout does for its callers, one story a module, over the ports `Dht` and `Crypto`: no HTTP, no bus."""
