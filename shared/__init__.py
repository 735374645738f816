"""What the services and the clients have in common, floor by floor (docs/architecture.md)."""
