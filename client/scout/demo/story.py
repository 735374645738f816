"""Ada has a phone and a laptop, Ben has a phone. They meet, Ada's phone is away for a while, a stranger looks on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scout.answers import Device, Sent
from scout.client import Client
from scout.demo.account import Account
from scout.demo.stage import DemoFailedError, Stage, check
from scout.demo.stranger import Found, look
from scout.link import Link
from shared.format import keys
from shared.format.scout2 import epochs, roots
from shared.format.scout2.link import epoch_keys

MESSAGES = (b"Are you there?", b"The train is late, I will be there at nine.", b"Platform four. Bring the blue bag.")
EXCERPT = 48
"""Bytes of a sealed value that are shown."""


@dataclass(frozen=True, slots=True)
class Person:
    """One of their devices: what it announces."""

    id: int
    name: str
    address: str


PHONE = Person(1, "Ada's phone", "198.51.100.4:4433")
LAPTOP = Person(2, "Ada's laptop", "203.0.113.20:4433")
FRIEND = Person(3, "Ben's phone", "192.0.2.77:51820")
EVERYBODY = (PHONE, LAPTOP, FRIEND)


@dataclass(frozen=True, slots=True)
class Links:
    """The three devices' ends of the one link, and where an onlooker would have to look for its record."""

    phone: Link
    laptop: Link
    friend: Link
    target: bytes


async def tell(stage: Stage, account: Account) -> None:
    """Do the main job on `stage`, telling it as it goes.

    Raises DemoFailedError when anything is not as it should be, ClientError when a call does not succeed.
    """
    stage.evidence.plaintexts.extend(MESSAGES)
    stage.evidence.plaintexts.extend(text.encode() for one in EVERYBODY for text in (one.name, one.address))
    async with Client(stage.api_url) as laptop, Client(stage.api_url) as friend:
        async with Client(stage.api_url) as phone:
            links = await _meet(stage, account, phone, laptop, friend)
            await _announce(account, links)
            await _see_each_other(account, links)
        sent = await _leave_messages(account, links.friend)
        await _come_back(stage, account, links.phone)
    await _look_on(stage, account, links.target, sent)


async def _meet(stage: Stage, account: Account, phone: Client, laptop: Client, friend: Client) -> Links:
    account.chapter("Keys and links")
    secret = stage.entropy(keys.SECRET_KEY_SIZE)
    with account.timed("make three keys"):
        on_phone = await phone.import_key(secret)
        on_laptop = await laptop.import_key(secret)
        friends = await friend.create_key()
    account.say("Ada makes a key on her phone and brings it to her laptop; Ben has the service make his.")
    account.say("They show each other their public keys, once:")
    account.show(f"Ada  {on_phone.public_key.hex()}")
    account.show(f"Ben  {friends.public_key.hex()}")
    with account.timed("make three links"):
        made = (
            await phone.create_link(on_phone, friends.public_key),
            await laptop.create_link(on_laptop, friends.public_key),
            await friend.create_link(friends, on_phone.public_key),
        )
    root, member = roots.of_pair(secret, friends.public_key)
    stage.evidence.secrets.extend((secret, keys.exchange(secret, friends.public_key), root))
    stage.evidence.handles.extend([on_phone.key, on_laptop.key, friends.key, *(link.handle for link in made)])
    check(made[0].member == made[1].member != made[2].member, "expected Ada to be one member and Ben the other")
    check(made[0].member == member, f"expected the service to call Ada member {member}, got {made[0].member}")
    today = epochs.epoch_at(epochs.phase(root), stage.clock.utc_ms() / 1000)
    return Links(*made, target=epoch_keys(root, today).target)


async def _announce(account: Account, links: Links) -> None:
    account.chapter("All three announce where they are, at the same moment")

    async def announce(link: Link, device: Person) -> None:
        with account.timed(f"announce {device.name}") as timer:
            timer.storing = (await link.announce(device.id, [device.address], name=device.name)).storing
        account.say(f"{device.name} is at {device.address}.")

    async with asyncio.TaskGroup() as tasks:
        for link, device in zip((links.phone, links.laptop, links.friend), EVERYBODY, strict=True):
            tasks.create_task(announce(link, device))


async def _see_each_other(account: Account, links: Links) -> None:
    account.chapter("Each looks for the others")
    for link, device in zip((links.phone, links.laptop, links.friend), EVERYBODY, strict=True):
        with account.timed(f"devices, from {device.name}"):
            found = await link.devices()
        _check_devices(device, found)
        account.say(f"{device.name} sees " + " and ".join(other.name for other in found if other.id != device.id) + ".")


def _check_devices(viewer: Person, found: list[Device]) -> None:
    seen = {(device.id, device.name, tuple(device.addresses)) for device in found}
    wanted = {(device.id, device.name, (device.address,)) for device in EVERYBODY}
    check(seen == wanted, f"expected {viewer.name} to see all three devices as announced, got {sorted(seen)}")


async def _leave_messages(account: Account, friend: Link) -> list[Sent]:
    account.chapter("Ada's phone goes offline, and Ben leaves three messages")
    sent = []
    for number, body in enumerate(MESSAGES, start=1):
        with account.timed(f"send message {number}") as timer:
            sent.append(await friend.send(body))
            timer.storing = sent[-1].storing
        account.say(f"Ben: {body.decode()}")
    return sent


async def _come_back(stage: Stage, account: Account, kept: Link) -> None:
    account.chapter("Ada's phone comes back, with nothing but the handle it kept")
    async with Client(stage.api_url) as phone:
        with account.timed("read three messages"):
            inbox = await phone.link(kept.handle, member=kept.member).messages()
    for message in inbox.messages:
        account.say(f"{message.number}. {message.body.decode()}")
    read = tuple(bytes(message.body) for message in inbox.messages)
    check(read == MESSAGES, f"expected the three messages in the order in which they were sent, got {read}")
    check(all(message.sealed for message in inbox.messages), "expected every message to be sealed")
    check(not inbox.gaps, f"expected no gap, got {inbox.gaps}")


async def _look_on(stage: Stage, account: Account, target: bytes, sent: list[Sent]) -> None:
    account.chapter("What a stranger sees who asks the same DHT, without a key")
    with account.timed("the stranger's look"):
        record = await _must_find(stage, target, "the record")
        messages = [await _must_find(stage, message.target, "a message") for message in sent]
    account.say(f"At {target.hex()}, on {record.holders} nodes, {len(record.value)} bytes:")
    for start in range(0, EXCERPT, EXCERPT // 2):
        account.show(record.value[start : start + EXCERPT // 2].hex(" "))
    for found in (record, *messages):
        for secret in (*stage.evidence.plaintexts, *stage.evidence.secrets):
            check(secret not in found.value, "expected a sealed value in the DHT, got one that shows what it holds")
    account.say("No name, no address and no message is in what the nodes hold.")


async def _must_find(stage: Stage, target: bytes, what: str) -> Found:
    found = await look(target, stage.dht_nodes, stage.entropy)
    if found is None:
        raise DemoFailedError(f"expected {what} at {target.hex()} on some node of the DHT, got none")
    return found
