"""What the whole network knows: where a newcomer to the public DHT may ask first, and who is not listened to."""

from __future__ import annotations

from shared.settings import Endpoint

BOOTSTRAP = (
    Endpoint("dht.libtorrent.org", 25401),
    Endpoint("dht.transmissionbt.com", 6881),
    Endpoint("router.bt.ouinet.work", 6881),
    Endpoint("router.bittorrent.com", 6881),
    Endpoint("router.utorrent.com", 6881),
)
"""Of different operators. Alive in 2026 are the first three; the others have come back before."""

DARK_NETWORKS = frozenset({3, 6, 7, 9, 11, 19, 21, 22, 25, 26, 28, 29, 30, 33, 34, 48, 56})
"""First bytes of the IPv4 networks from which libtorrent drops every packet (`dht_ignore_dark_internet`, on by
default): nobody used them once. Clouds live in 3/8 and 34/8 today, and much of the DHT does not answer them."""
