"""Links whose keys never leave the caller's process: the use cases themselves, over whatever DHT there is."""
