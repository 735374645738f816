"""The only language services have in common: operations, their requests and their replies.

A name and a version (`dht.get_mutable@1`) identify an operation for good. A field may be added with a default;
anything else is a new version beside the old one, so that services can be deployed in any order.
"""
