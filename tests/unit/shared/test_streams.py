from __future__ import annotations

from fnmatch import fnmatchcase

from shared.bus import streams


def test_names_carry_their_hash_tags() -> None:
    assert streams.requests(streams.shard("crypto")) == "scout:{crypto}:requests"
    assert streams.requests(streams.shard("dht", b"\xff" * 20)) == "scout:{dht:15}:requests"
    assert streams.requests(streams.shard("dht")) == "scout:{dht:0}:requests"
    assert streams.members("dht") == "scout:{dht}:members"
    assert streams.kept(b"\x01" * 20) == "scout:{keep}:item:" + "01" * 20
    assert streams.dead_letters("crypto") == "scout:{crypto}:dead"
    assert streams.replies("1f") == "scout:replies:1f"
    assert streams.idempotency("acme", "k") == "scout:{idempotency}:acme:k"


def test_every_target_has_one_of_the_shards_of_its_service() -> None:
    targets = [bytes([first, 255]) + bytes(18) for first in range(256)]
    assert tuple(dict.fromkeys(streams.shard("dht", target) for target in targets)) == streams.shards("dht")
    assert streams.shards("crypto") == ("crypto",) == (streams.shard("crypto", targets[0]),)


def test_only_requests_and_dead_letters_may_live_for_ever() -> None:
    def may(key: str) -> bool:
        return any(fnmatchcase(key, allowed) for allowed in streams.WITHOUT_TTL)

    assert may(streams.requests("dht:0"))
    assert may(streams.dead_letters("crypto"))
    assert not may(streams.replies("1f"))
    assert not may(streams.idempotency("acme", "k"))


def test_durations_hold_to_each_other() -> None:
    pace = streams.Pace()
    assert 3 * pace.renew_s * 1000 < pace.lease_ms
    assert pace.block_ms <= pace.claim_s * 1000 < pace.lease_ms
    assert (streams.REPLY_BLOCK_MS / 1000 + streams.REPLY_REFRESH_S) * 3 * 1000 < streams.REPLY_TTL_MS
    assert 3 * pace.renew_s * 1000 < pace.member_ttl_ms < pace.lease_ms
    assert 100 * pace.lease_ms < streams.SWEEP_IDLE_MS
