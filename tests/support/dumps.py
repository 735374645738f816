"""What somebody sees who takes a whole cluster away: the memory of its processes, its Redis, its files, its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.cluster import Cluster, ServiceProcess

_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r(w?)\S* \S+ \S+ (\d+) *(.*)$")
_ZEROS = bytes(4096)
"""Most of a stack was never touched: left out, there is a third less to search."""
_KERNELS_OWN = frozenset({"[vvar]", "[vdso]", "[vsyscall]"})


def memory_of(pid: int) -> bytes:
    """All that a process can have written to its memory; what it has mapped read-only from files is left out."""
    process, found = Path(f"/proc/{pid}"), bytearray()
    with (process / "mem").open("rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            mapping = _MAPPING.match(line)
            if mapping is None or mapping[5] in _KERNELS_OWN or not (mapping[3] or mapping[4] == "0"):
                continue
            start, end = int(mapping[1], 16), int(mapping[2], 16)
            memory.seek(start)
            while start < end and (part := _read(memory, end - start)):
                found += part.replace(_ZEROS, b"")
                start += len(part)
            found += b"\n"  # nothing is found across the gap
    return bytes(found)


def _read(memory: Any, size: int) -> bytes:
    """The next bytes of a mapping; none when it has gone meanwhile."""
    try:
        return bytes(memory.read(size))
    except OSError:
        return b""


def memory_of_each(services: list[ServiceProcess]) -> dict[str, bytes]:
    """The memory of running processes of a cluster, by the names of their logs."""
    found = {}
    for service in services:
        assert service.process is not None
        found[f"the memory of {service.log_path.stem}"] = memory_of(service.process.pid)
    return found


def redis_dump(client: Any) -> bytes:
    """Every key, the content of every key by its type, and as DUMP serialises it."""
    readers = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    parts: list[bytes] = []
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        if kind != b"none":  # it expired meanwhile
            parts += [key, *_flat(readers[kind](key)), client.dump(key) or b""]
    return b"\n".join(parts)


def files_under(directory: Path) -> dict[str, bytes]:
    """Every file."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def pages_of(cluster: Cluster) -> dict[str, bytes]:
    """What every process says of itself, and the API of the cluster."""
    urls = [f"http://{service.ops}/metrics" for service in cluster.services]
    for api in cluster.api_urls:
        urls += [f"{api}/v1/fleet", f"{api}/v1/fleet/dead-letters", f"{api}/v1/dht/status"]
    found = {}
    async with aiohttp.ClientSession() as http:
        for url in urls:
            async with http.get(url) as answer:
                assert answer.status == 200, url
                found[url] = await answer.read()
    return found


def _flat(value: Any) -> list[bytes]:
    """Every byte string in what a Redis client answers."""
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, Mapping):
        value = [*value.items()]
    return [part for item in value for part in _flat(item)] if isinstance(value, list | tuple | set) else []
