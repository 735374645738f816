"""Blind mode: a service stores, finds and keeps alive what this process has sealed and signed, and sees no key."""
