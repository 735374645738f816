"""Scout's services; they never import each other (docs/architecture.md, "Floors")."""
