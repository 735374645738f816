"""Coverage-guided fuzzing of the DHT node."""
