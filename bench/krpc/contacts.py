"""Nodes that answer and do nothing else, on consecutive loopback addresses: what the tables of both nodes hold.

`python -m bench.krpc.contacts` runs them until its standard input ends.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from ipaddress import IPv4Address

from services.dht_node.core.contact import Contact, pack_contact
from shared.format import bencode

FIRST = IPv4Address("127.9.0.1")
PORT = 6991
COUNT = 280
"""Of which about 250 find a place: the buckets of both tables hold 128, 64, 32, 16, and then 8."""
IN_REPLY = 8


def contacts() -> list[Contact]:
    """Who they are: the same ids in every run."""
    rng = random.Random(1)
    return [Contact(rng.randbytes(20), (str(FIRST + number), PORT)) for number in range(COUNT)]


def answer(sock: socket.socket, own_id: bytes, packed: list[bytes]) -> None:
    """Answer one query, whatever it asks, with some of the others."""
    data, source = sock.recvfrom(2048)
    query = bencode.decode(data)
    if query[b"y"] != b"q":
        return
    nodes = b"".join(random.sample(packed, IN_REPLY))
    body = {b"id": own_id, b"nodes": nodes, b"token": b"abcd"}
    sock.sendto(bencode.encode({b"t": query[b"t"], b"y": b"r", b"r": body}), source)


async def serve() -> None:
    """Answer until standard input ends."""
    loop = asyncio.get_running_loop()
    everybody = contacts()
    packed = [pack_contact(contact) for contact in everybody]
    for contact in everybody:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(0)
        sock.bind(contact.address)
        loop.add_reader(sock, answer, sock, contact.id, packed)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
