"""A port of the gateway for the node behind it: PCP, NAT-PMP and UPnP IGD."""
