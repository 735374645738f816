"""What the API makes of the processes' reports."""

from __future__ import annotations

from services.api.answers import ProcessState
from services.api.fleet import WAITING_MAX, fleet_of
from shared.bus import streams
from shared.bus.ports import Member
from shared.contracts.fleet import Report
from tests.support.reports import a_report
from tests.unit.api.world import Api

NOW = 1_800_000_000_000
FRESH = 500
DEAD = streams.FLEET_DEAD_MS


def heard(report: Report, silent_ms: int = FRESH) -> Member:
    return Member(report, silent_ms)


ALL = (heard(a_report("api", 1)), heard(a_report("crypto", 2)), heard(a_report("dht_node", 3)))


def states(*members: Member) -> list[ProcessState]:
    return [process.state for process in fleet_of(members, {}, NOW).processes]


def texts(*members: Member) -> list[str]:
    return [problem.text for problem in fleet_of(members, {}, NOW).problems]


def test_a_fleet_with_everything_is_healthy() -> None:
    found = fleet_of(ALL, {"crypto": 0}, NOW)
    assert found.healthy
    assert found.problems == []
    assert [process.service for process in found.processes] == ["api", "crypto", "dht_node"]
    assert {process.state for process in found.processes} == {ProcessState.READY}
    assert {process.started.timestamp() for process in found.processes} == {NOW / 1000 - 60 - FRESH / 1000}


def test_one_process_may_be_all_of_them() -> None:
    assert texts(heard(a_report("standalone"))) == []


def test_a_service_without_a_living_process_is_named() -> None:
    assert texts(*ALL[:2]) == ["No dht_node process is running."]
    assert len(texts()) == 3


def test_a_silent_process_is_dead_from_the_third_missed_report_on() -> None:
    assert states(*ALL, heard(a_report("crypto", 4), DEAD - 1))[-1] is ProcessState.READY
    late = heard(a_report("crypto", 4, uptime_s=900), DEAD)
    assert states(*ALL, late)[-1] is ProcessState.DEAD
    [problem] = fleet_of((*ALL, late), {}, NOW).problems
    assert problem.subject == "h#4#x"
    assert problem.text.startswith("crypto h#4#x died")


def test_each_dead_process_needs_a_successor_of_its_own() -> None:
    young = heard(a_report("crypto", 5, uptime_s=10))
    dead = [heard(a_report("crypto", number), 20_000) for number in (6, 7)]
    assert sorted(states(young, *dead)) == [ProcessState.DEAD, ProcessState.READY, ProcessState.REPLACED]
    stranger = heard(a_report("api", 8, uptime_s=10))
    assert states(*ALL, stranger, dead[0])[-1] is ProcessState.DEAD


def test_what_a_process_lacks_is_told() -> None:
    lame = heard(a_report("dht_node", 3, checks={"bus": True, "dht": False, "canary": False}))
    assert states(*ALL[:2], lame)[-1] is ProcessState.NOT_READY
    assert texts(*ALL[:2], lame) == ["dht_node h#3#x is not ready: dht, canary."]


def test_requests_that_wait_and_items_that_are_overdue_are_problems() -> None:
    assert texts(*ALL, heard(a_report("crypto", 4, lag=WAITING_MAX - 1))) == []
    assert texts(*ALL, heard(a_report("crypto", 4, lag=WAITING_MAX))) == ["More than 1000 requests wait for crypto."]
    assert len(texts(*ALL, heard(a_report("dht_node", 4, overdue=2)))) == 1


async def test_the_fleet_over_http(api: Api) -> None:
    await api.fleet.report(a_report("dht_node", 3))
    found = await api.call("GET", "/v1/fleet")
    assert found.status == 200
    assert not found.body["healthy"]
    [process] = found.body["processes"]
    assert process["dht"]["nodes"][0]["node_id"] == "ab" * 20
    assert process["state"] == "ready"
    assert process["bus"]["dht"]["lag"] == 0


async def test_dead_letters_over_http(api: Api) -> None:
    assert (await api.call("GET", "/v1/fleet/dead-letters")).body == {"letters": []}
    assert (await api.call("GET", "/v1/fleet/dead-letters?limit=51")).code == "invalid_request"
