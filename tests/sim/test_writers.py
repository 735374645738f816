"""Several writers of one item, each with compare-and-swap against what every node held."""

from __future__ import annotations

from services.dht_node.core.events import MutableFound, Stored
from services.dht_node.core.items import MutablePut
from tests.support.nodes import Author, get, put
from tests.support.sim_network import SimNetwork, Weather


def stored(outcome: object) -> Stored:
    assert isinstance(outcome, Stored)
    return outcome


def found(outcome: object) -> MutableFound:
    assert isinstance(outcome, MutableFound)
    return outcome


def network(seed: int, size: int = 100, *, loss: float = 0.0) -> SimNetwork:
    net = SimNetwork(seed, Weather(loss=loss))
    net.populate(size)
    return net


def test_of_two_racing_writers_never_both_get_a_majority() -> None:
    net = network(40, loss=0.03)
    authors = [Author(number) for number in range(1, 41)]
    for author in authors:
        first, second = net.pick(2)
        one, other = net.complete(
            (first, put(author.version(1, b"one", seen=()))), (second, put(author.version(1, b"other", seen=())))
        )
        majorities = [outcome for outcome in map(stored, (one, other)) if 2 * outcome.stored > outcome.asked]
        assert len(majorities) <= 1
        assert stored(one).conflict or stored(other).conflict


def test_the_same_from_a_version_that_both_have_read() -> None:
    net = network(41)
    for number in range(1, 21):
        author = Author(number)
        base = author.version(1, b"base")
        first, second, third = net.pick(3)
        net.complete((third, put(base, quorum=8)))
        net.complete((first, get(author)), (second, get(author)))
        one, other = map(
            stored,
            net.complete(
                (first, put(author.version(2, b"one", seen=[base]))),
                (second, put(author.version(2, b"other", seen=[base]))),
            ),
        )
        assert sum(2 * outcome.stored > outcome.asked for outcome in (one, other)) <= 1
        assert one.conflict or other.conflict


def test_a_version_that_was_not_seen_is_a_conflict_and_nothing_is_written() -> None:
    net = network(42)
    author = Author()
    first, second = net.pick(2)
    base = author.version(1, b"base")
    net.complete((first, put(base, quorum=8)))
    [outcome] = net.complete((second, put(author.version(2, b"blind", seen=()))))
    assert stored(outcome).conflict
    assert (stored(outcome).asked, stored(outcome).stored) == (0, 0)
    [after] = net.complete((second, get(author)))
    assert [version.value for version in found(after).versions] == [base.value]


def test_a_writer_who_read_through_another_node_is_no_conflict_though_the_lookup_here_is_old() -> None:
    net = network(43)
    author = Author()
    here, there = net.pick(2)
    one, two = author.version(1, b"one"), author.version(2, b"two")
    net.complete((here, put(one, quorum=8)))  # here knows now that all hold the first
    net.complete((there, put(two, quorum=8)))
    [outcome] = net.complete((here, put(author.version(3, b"three", seen=[one, two]), quorum=8)))
    assert not stored(outcome).conflict
    assert stored(outcome).stored == 8
    assert stored(outcome).lookup.asked == 0  # it needed no second lookup: each refusal was asked about once


def test_an_unseen_version_in_an_old_lookup_is_looked_up_again_before_it_is_called_a_conflict() -> None:
    net = network(144)  # in which neither of the two is among the nearest: nobody writes to itself
    author = Author()
    here, there = net.pick(2)
    two = author.version(2, b"two")
    net.complete((here, put(author.version(1, b"one"), quorum=8)))
    net.complete((there, put(two, quorum=8)))
    [outcome] = net.complete((here, put(author.version(3, b"three", seen=[two]))))
    assert not stored(outcome).conflict
    assert stored(outcome).lookup.asked > 0


def test_the_same_put_twice_is_stored_twice() -> None:
    net = network(45)
    version = Author().version(1, seen=())
    first, second = net.pick(2)
    for sim in (first, second, first):
        [outcome] = net.complete((sim, put(version, quorum=8)))
        assert not stored(outcome).conflict
        assert stored(outcome).stored == 8


def test_an_older_seq_without_a_condition_is_a_conflict_too() -> None:
    net = network(46)
    author = Author()
    first, second = net.pick(2)
    net.complete((first, put(author.version(5, b"newer"), quorum=8)))
    [outcome] = net.complete((second, put(author.version(4, b"older"))))
    assert stored(outcome).conflict
    assert stored(outcome).stored == 0


def test_puts_of_one_node_on_one_target_wait_for_each_other() -> None:
    net = network(47)
    author = Author()
    [sim] = net.pick(1)
    versions: list[MutablePut] = []
    for seq in range(1, 9):
        versions.append(author.version(seq, b"%d" % seq, seen=versions[-1:] if versions else ()))
    outcomes = net.complete(*((sim, put(version)) for version in versions))
    assert not any(stored(outcome).conflict for outcome in outcomes)
    [after] = net.complete((sim, get(author)))
    assert found(after).versions[0].seq == 8


def test_reads_of_one_target_share_one_lookup() -> None:
    net = network(48)
    [sim] = net.pick(1)
    before = sim.node.stats.queries_sent["get"]
    outcomes = net.complete(*((sim, get(Author())) for _ in range(100)))
    asked = {found(outcome).lookup.asked for outcome in outcomes}
    assert len(asked) == 1
    assert sim.node.stats.queries_sent["get"] - before == asked.pop()


def test_the_first_value_comes_before_all_versions_do() -> None:
    net = network(49)
    author = Author()
    first, second, third = net.pick(3)
    net.complete((first, put(author.version(1), quorum=8)))
    [settled] = net.complete((second, get(author)))
    [early] = net.complete((third, get(author, settle=False)))
    assert found(settled).lookup.complete
    assert found(settled).versions[0].holders >= 7  # the reader may be one of the eight, and does not ask itself
    assert found(early).versions[0].seq == 1
    assert found(early).lookup.answered < found(settled).lookup.answered
    assert found(early).lookup.seconds < found(settled).lookup.seconds


def test_when_all_nodes_of_a_warm_lookup_have_gone_the_put_looks_up_again() -> None:
    net = network(50, size=200)
    author = Author()
    [writer] = net.pick(1)
    net.complete((writer, put(author.version(1), quorum=8)))
    point = int.from_bytes(author.target, "big")
    nearest = sorted(net.nodes, key=lambda sim: int.from_bytes(sim.node.id, "big") ^ point)
    for sim in nearest[:40]:
        if sim is not writer:
            net.kill(sim)
    [outcome] = net.complete((writer, put(author.version(2))))
    assert stored(outcome).stored >= 5
    assert stored(outcome).lookup.asked > 0


def test_after_a_minute_a_lookup_is_no_longer_warm() -> None:
    net = network(51)
    author = Author()
    [writer] = net.pick(1)
    net.complete((writer, get(author)))
    [warm] = net.complete((writer, put(author.version(1), quorum=8)))
    net.run(61.0)
    [cold] = net.complete((writer, put(author.version(2), quorum=8)))
    assert stored(warm).lookup.asked == 0
    assert stored(cold).lookup.asked >= 8
