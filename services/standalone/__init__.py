"""All services in one process, with an embedded bus and, if asked, a private swarm of DHT nodes."""
