from __future__ import annotations

from fnmatch import fnmatchcase

from shared.bus import streams


def test_names_carry_their_hash_tags() -> None:
    assert streams.requests(streams.shard("crypto")) == "scout:{crypto}:requests"
    assert streams.requests(streams.shard("dht", b"\xff" * 20)) == "scout:{dht:0}:requests"
    assert streams.dead_letters("crypto") == "scout:{crypto}:dead"
    assert streams.replies("1f") == "scout:replies:1f"
    assert streams.idempotency("acme", "k") == "scout:{idempotency}:acme:k"


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
    assert 100 * pace.lease_ms < streams.SWEEP_IDLE_MS
