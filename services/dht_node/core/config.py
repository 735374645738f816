"""Every number of the node, with its BEP or its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from services.dht_node.core.family import V4, Family

NETWORKS_MIN = 5
"""Of eight honest nodes on the public network hardly ever four or more share a /16 with another."""


class Mode(StrEnum):
    """Whether a node answers strangers; see `presence`."""

    SERVER = "server"
    READ_ONLY = "read-only"
    """BEP 43: ask, but answer no queries."""
    AUTO = "auto"
    """Read-only until it has shown that strangers reach us."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """How one node behaves; durations in seconds, sizes in bytes."""

    node_id: bytes | None = None
    """20 bytes; None: drawn from entropy, and moved to a BEP 42 id when the external address is known."""
    family: Family = V4
    """A node of IPv4 or of IPv6; BEP 32 makes of them two networks."""
    lab: bool = False
    """Private and loopback addresses are peers too, and no BEP 42 id is asked for."""
    mode: Mode = Mode.SERVER
    external_ip: str | None = None
    """The operator's word on our address; switches voting off."""

    k: int = 8
    """BEP 5: contacts in a reply; 8 * 26 bytes keeps replies small."""
    bucket_sizes: tuple[int, ...] = (128, 64, 32, 16)
    """The four farthest buckets; all nearer ones hold k. Saves one or two hops (libtorrent, Jimenez et al. 2011)."""
    alpha: int = 4
    """Queries of one lookup in flight at first."""
    alpha_max: int = 8
    """In flight while answers are slow; once a lookup is home, its whole frontier is."""
    slow_timeout_min: float = 0.3
    slow_timeout_max: float = 1.0
    """A query unanswered for RTT mean + 4 deviations, within these, frees its slot and is not given up."""
    dead_timeout: float = 4.0
    """A query unanswered for so long is given up."""
    put_width: int = 8
    put_width_wide: int = 20
    """When fewer than put_width acknowledged, or the neighbourhood of the target is suspicious."""
    put_width_max: int = 64
    """When even so many are suspicious."""
    networks_min: int | None = None
    """Distinct /16 that the k nearest to a target must lie in; None: 5, in labs 0, which lie in one network."""
    counted_per_network: int = 2
    """Nodes of one /16 that count in a suspicious neighbourhood."""
    put_quorum: int = 3
    warm_lookup: float = 60.0
    """A lookup's nodes and tokens serve a put of the same target for so long."""
    warm_lookups_max: int = 1024
    """Lookups kept warm: at most 20 nodes each, about 8 KiB."""
    seqs_remembered_max: int = 32_768
    """Mutable items of which the highest seq seen is remembered: about 6 MiB."""
    operations_max: int = 4096
    """Operations of our owner's in hand or waiting; more are refused at the door."""
    in_flight_max: int = 2048
    """Our own queries in flight; more wait."""

    item_lifetime: float = 2 * 3600.0
    """BEP 44: a storing node may drop an item two hours after its last put."""
    items_max: int = 10_000
    item_bytes_max: int = 64 * 2**20
    network_share: float = 0.1
    """Share of the bounds above, and of those on peers, that one /24 may fill; 1 switches the quota off. Ten full
    networks fill a store, and then whoever holds less takes the place of those that hold more."""
    peer_lifetime: float = 30 * 60.0
    peer_hashes_max: int = 2000
    peers_per_hash_max: int = 500
    peers_in_reply: int = 50
    """50 * 8 bytes bencoded stay within one datagram of 1400 bytes."""
    scrape: bool = False
    """Answer `scrape` (BEP 33) with two filters of 256 bytes. Off: it amplifies whatever is asked in another's name."""
    sample_size: int = 20
    """Info-hashes shown to whoever asks for samples (BEP 51): 400 bytes."""
    sample_interval: float = 6 * 3600.0
    """Between one sample and the next, the longest that BEP 51 allows: indexing is no business of ours."""
    sample_rate: float = 0.1
    """Samples a second for each /24, 0: no limit; whoever asks more often gets nodes."""
    sample_burst: float = 10.0

    token_rotation: float = 300.0
    """BEP 5 suggests five minutes; the secret before stays good, so a token lives 5 to 10."""
    inbound_rate: float = 10.0
    """Queries a second from one address; 0 switches the limit off."""
    inbound_burst: float = 50.0
    inbound_tracked_max: int = 65_536
    egress_rate: float = 2.0 * 2**20
    """Bytes of answers a second in total, 0: no limit. 16 Mbit/s: 7,000 answers, what a large node of the public
    network is asked."""
    egress_burst: float = 4.0 * 2**20
    egress_network_rate: float = 16.0 * 2**10
    """The same for each /24, 0: no limit. 50 answers a second: many share a network, and a victim's line bears it."""
    egress_network_burst: float = 128.0 * 2**10
    egress_tracked_max: int = 65_536
    """Networks whose budget is remembered, and addresses that have proven themselves."""
    small_answer: int = 500
    """Bytes. A longer value goes only to proven addresses while egress is short: eight nodes and a token take about
    300, so an answer stays under ten times its question."""
    verification_rate: float = 50.0
    """Signatures of others verified a second for each /24, 0: no limit. 60 us each: 0.3 % of a core."""
    verification_burst: float = 200.0
    verification_total_rate: float = 4000.0
    """The same in total: a quarter of a core."""
    verification_total_burst: float = 4000.0
    datagram_max: int = 2048
    """Bytes read of a datagram; the largest legitimate one (a put of 1000 bytes with salt) is under 1300."""

    good_age: float = 15 * 60.0
    """BEP 5: a node that answered within 15 minutes is good."""
    contact_quarantine: float = 120.0
    """A contact is this old before it is handed out to others (0 in labs)."""
    bad_failures: int = 3
    """Queries in a row unanswered before a contact may be replaced."""
    bucket_refresh: float = 15 * 60.0
    refresh_interval: float = 10.0
    """Buckets due at the same time are refreshed one by one."""
    watch_interval: float = 10.0
    """How often the number of good contacts is looked at while there are enough."""
    ping_interval: float = 6.0
    """One stale contact is pinged so often: 264 contacts are gone round in under half an hour."""
    good_contacts_min: int = 8
    """Fewer good contacts: bootstrap again."""
    bootstrap_backoff: float = 1.0
    bootstrap_backoff_max: float = 300.0
    keep_last: int = 16
    """In a mass failure the last contacts are not evicted: they are the way back."""

    save_interval: float = 300.0
    """Between two savings of the state: a crash loses at most so much of what was stored."""

    vote_window: float = 300.0
    votes_max: int = 50
    votes_min: int = 25
    """External address: at least 25 voters, one for each /24, two thirds of them agreeing."""
    vote_share: float = 2 / 3
    version: bytes = field(default=b"SC\x00\x01")
    """BEP 5 `v`: two letters of the client and its version."""

    @property
    def least_networks(self) -> int:
        """`networks_min`, or what it is by default."""
        if self.networks_min is not None:
            return self.networks_min
        return 0 if self.lab else NETWORKS_MIN

    @property
    def tells_networks_apart(self) -> bool:
        """Whether it matters in which /16 a node is."""
        return self.least_networks > 0


LAB = NodeConfig(
    lab=True,
    inbound_rate=0.0,
    network_share=1.0,
    egress_rate=0.0,
    egress_network_rate=0.0,
    verification_rate=0.0,
    verification_total_rate=0.0,
)
"""A network of our own, on one machine or in one /24: nobody there is a stranger, and one address has many nodes."""
