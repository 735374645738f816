"""PCP and NAT-PMP, byte by byte."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scout.nat import natpmp, pcp
from scout.nat.gateways import default_gateway
from scout.nat.ports import Gateway, PortMapping, UnmappedError, Wish
from shared.settings import Endpoint

WISH = Wish(Endpoint("192.168.1.20", 6881), 6889, 7200)
NONCE = bytes(range(12))
INNER = "00000000000000000000ffffc0a80114"
ANY = "00000000000000000000ffff00000000"
OUTER = "00000000000000000000ffff0b16212c"
MAPPED = f"{NONCE.hex()} 11 000000 1ae1 2710 {OUTER}"


def response(result: int = 0, opcode: str = "81", version: str = "02", body: str = MAPPED) -> bytes:
    return bytes.fromhex(f"{version} {opcode} 00 {result:02x} 00000e10 0000004d {'00' * 12} {body}")


def test_a_pcp_request_is_as_rfc_6887_draws_it() -> None:
    assert pcp.encode(WISH, NONCE) == bytes.fromhex(
        f"02 01 0000 00001c20 {INNER}" + f"{NONCE.hex()} 11 000000 1ae1 1ae9 {ANY}"
    )


def test_a_pcp_response_is_read() -> None:
    granted = PortMapping("PCP", Endpoint("11.22.33.44", 10_000), 3600)
    assert pcp.decode(response(), 6881, NONCE) == granted
    assert granted.public
    assert not PortMapping("PCP", Endpoint("100.64.3.2", 10_000), 3600).public


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02\x81",
        response()[:-4],
        response() + b"\x00",
        response() + bytes(1100),
        response(opcode="01"),
        response(opcode="82"),
        response(version="03"),
        response(body=MAPPED.replace("1ae1", "1ae2")),
        response(body=MAPPED.replace(" 11 ", " 06 ")),
        response(body=MAPPED.replace("000102", "ff0102")),
    ],
)
def test_what_answers_something_else_is_passed_over(data: bytes) -> None:
    assert pcp.decode(data, 6881, NONCE) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (response(2), "not authorized"),
        (response(12), "another NAT"),
        (response(200), "result 200"),
        (response(1, version="01", body=""), "does not speak version 2"),
        (bytes.fromhex("00 81 0001 0000004d"), "does not speak it"),
    ],
)
def test_a_refusal_by_pcp_is_said_in_words(data: bytes, words: str) -> None:
    with pytest.raises(UnmappedError, match=words):
        pcp.decode(data, 6881, NONCE)


def test_a_nat_pmp_request_is_as_rfc_6886_draws_it() -> None:
    assert natpmp.encode(WISH) == bytes.fromhex("00 01 0000 1ae1 1ae9 00001c20")


def test_nat_pmp_responses_are_read() -> None:
    assert natpmp.decode_address(bytes.fromhex("00 80 0000 0000004d 0b16212c")) == "11.22.33.44"
    assert natpmp.decode_mapping(bytes.fromhex("00 81 0000 0000004d 1ae1 2710 00000e10"), 6881) == (10_000, 3600)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0081",
        "00 80 0000 0000004d 1ae1 2710 00000e10",
        "00 81 0000 0000004d 1ae2 2710 00000e10",
        "00 81 0000 0000004d",
    ],
)
def test_what_nat_pmp_did_not_ask_is_passed_over(data: str) -> None:
    assert natpmp.decode_mapping(bytes.fromhex(data), 6881) is None


def test_a_refusal_by_nat_pmp_is_said_in_words() -> None:
    with pytest.raises(UnmappedError, match="not authorized"):
        natpmp.decode_mapping(bytes.fromhex("00 81 0002 0000004d 1ae1 0000 00000000"), 6881)
    with pytest.raises(UnmappedError, match="network failure"):
        natpmp.decode_address(bytes.fromhex("00 80 0003 0000004d"))


@given(st.one_of(st.binary(max_size=100), st.builds(lambda rest: response()[:4] + rest, st.binary(max_size=60))))
def test_any_bytes_are_a_mapping_a_refusal_or_nothing(data: bytes) -> None:
    for read in (
        lambda: pcp.decode(data, 6881, NONCE),
        lambda: natpmp.decode_mapping(data, 6881),
        lambda: natpmp.decode_address(data),
    ):
        with contextlib.suppress(UnmappedError):
            read()


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\tFE01A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""


def test_the_gateway_is_that_of_the_default_route_with_the_lowest_metric(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    assert default_gateway(routes) == Gateway(Endpoint("192.168.1.254", 5351))


@pytest.mark.parametrize("text", [None, "", "\x00", ROUTES.replace("FE01A8C0", "?"), ROUTES.splitlines()[0]])
def test_where_there_is_no_such_route_its_address_is_not_known(tmp_path: Path, text: str | None) -> None:
    routes = tmp_path / "route"
    if text is not None:
        routes.write_text(text)
    assert default_gateway(routes) == Gateway(None)
