"""The only service that opens handles: derivation, sealing, opening, signing. Stateless."""
