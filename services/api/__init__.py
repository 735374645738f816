"""HTTP in front of the use cases. Stateless, any number of replicas."""
