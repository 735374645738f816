"""The core's edges: the UDP socket, the bootstrap names, the saved state."""
