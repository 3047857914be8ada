"""A client with a certificate of its own that wants what is another's: slots, entries, streams, leases, epochs, sessions, and
what no rule allows (T21). Every number is docs/protocol.md's."""
import os
import random
import struct
import time

import wire

CLOSE, READ, SYNC, POLL, CANCEL, LEASE, CREDIT = 3, 4, 6, 7, 10, 13, 14
# cancel, streams, poll, leases, and with resume.
FEATURES = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5
RESUME = 1 << 6
# Refusals that grant nothing: no_rule, never, constraint, slot_not_open, slot_in_use, shape, unsupported, busy.
REFUSED = range(1, 9)
ENOENT = -2
BATCH = 1000
TRIES = 1_000_000


def hello(features, resumption=b""):
    return struct.pack("<IBBHHHIQ", 16 + len(resumption), 1, 0, 0, 1, 1, 0, features) + resumption


class Victim:
    """Has the line, by a lease, and on it a read that waits; with the lease it would end."""

    def __init__(self, gateway):
        self.peer = wire.Peer(gateway, hello(FEATURES | RESUME), 128)
        self.epoch, self.session = struct.unpack_from("<QQ", self.peer.welcome, 16)
        self.peer.submit(
            wire.entry(LEASE, 1, b'{"devices":["line"],"mode":"exclusive"}', code=1), wire.entry(wire.OPEN, 2, b"line", slot=9),
            wire.entry(wire.OPEN, 3, b"null", slot=3))
        answers = []
        while len(answers) < 3:
            answers += self.peer.completions()
        if any(result < 0 for _, result, _ in answers):
            raise OSError(f"the victim has no line: {answers}")
        self.peer.submit(wire.entry(READ, 4, struct.pack("<II", 64, 0), slot=9, offset=wire.OWN_POSITION))

    def untouched(self, journal):
        """Whether the read still waits, and what the line then says is the first that came."""
        os.write(journal.master, b"untouched")
        return self.peer.completions() == [(4, 9, 0)]


def tries(victim, request):
    """One entry after the other, each another's or nobody's; forever, in turns, with numbers that are likely and any others."""
    random.seed(21)
    slot = lambda: random.choice((3, 9, random.randrange(65536)))
    number = lambda: random.choice((random.randrange(64), random.getrandbits(64) or 1))
    # Its own slot, 0, is /dev/null, whose only command is 0.
    kinds = (
        lambda: wire.entry(wire.COMMAND, next(request), slot=slot() or 1, code=random.getrandbits(32)),
        lambda: wire.entry(wire.COMMAND, next(request), slot=0, code=random.getrandbits(32) or 1),
        lambda: wire.entry(wire.COMMAND, next(request), os.urandom(8), slot=0, code=random.choice((0, 0x5412, 0x5421))),
        lambda: wire.entry(READ, next(request), struct.pack("<II", 1, 0), slot=slot(), offset=wire.OWN_POSITION),
        lambda: wire.entry(wire.WRITE, next(request), b"stolen", slot=slot(), offset=wire.OWN_POSITION),
        lambda: wire.entry(SYNC, next(request), slot=slot()),
        lambda: wire.entry(POLL, next(request), slot=slot() or 1, code=1),
        lambda: wire.entry(CLOSE, next(request), slot=slot() or 1),
        lambda: wire.entry(CANCEL, next(request), offset=number()),
        lambda: wire.entry(CANCEL, next(request), slot=slot() or 1, code=1),
        lambda: wire.entry(CREDIT, next(request), offset=number(), code=random.randrange(1, 100)),
        lambda: wire.entry(wire.OPEN, next(request), b"line", slot=1, offset=random.choice((0, number()))),
        lambda: wire.entry(wire.OPEN, next(request), random.choice((b"secret", b"@gateway", b"lin")), slot=2),
        lambda: wire.entry(LEASE, next(request), b'{"lease":%d,"ttl":1}' % number(), code=2),
        lambda: wire.entry(LEASE, next(request), b'{"lease":%d}' % number(), code=3),
        lambda: wire.entry(LEASE, next(request), b'{"lease":%d,"to":%d}' % (number(), victim.session + 1), code=4),
        lambda: wire.entry(LEASE, next(request), b'{"lease":%d,"to":%d}' % (number(), victim.session + 1), code=5),
        lambda: wire.entry(LEASE, next(request), b'{"devices":["line"],"mode":"exclusive"}', code=1),
    )
    while True:
        for kind in kinds:
            yield kind


def counter():
    value = 0
    while True:
        value += 1
        yield value


def is_refused(entry, result, reason):
    """A cancel or a credit of what is not one's own finds nothing; everything else is refused in words."""
    if entry[0] == CANCEL and entry[4] == 1 and reason == 0:
        return result == 0
    if entry[0] in (CANCEL, CREDIT) and reason == 0:
        return result == ENOENT
    return result < 0 and reason in REFUSED


def guess(gateway, victim):
    """How many tries, what came through, and after which of them the gateway ended the session."""
    request = counter()
    peer = wire.Peer(gateway, hello(FEATURES))
    peer.submit(wire.entry(wire.OPEN, next(request), b"null", slot=0))
    if peer.completions()[0][1] != 0:
        raise OSError("the hostile client has no device of its own")
    kinds = tries(victim, request)
    done, through = 0, []
    while done < TRIES:
        batch = {}
        for _ in range(BATCH):
            entry = next(kinds)()
            batch[struct.unpack_from("<Q", entry, 8)[0]] = entry
        peer.submit(*batch.values())
        while batch:
            for number, result, reason in peer.completions():
                entry = batch.pop(number)
                done += 1
                if not is_refused(entry, result, reason):
                    through.append((entry.hex(), result, reason))
    peer.close()
    return done, through


def replay(gateway, count):
    """Frames sent a second time: how many of them were answered by anything but the end of the session."""
    through = 0
    for _ in range(count):
        peer = wire.Peer(gateway, hello(FEATURES))
        frame = (wire.entry(wire.OPEN, 1, b"null", slot=0), wire.entry(wire.COMMAND, 2))
        peer.submit(*frame)
        answers = []
        while len(answers) < 2:
            answers += peer.completions()
        peer.submit(*frame)
        through += peer.completions() not in ([], None)
        peer.close()
    return through


def resume(gateway, victim, count):
    """Sessions asked for with a guessed token: how many came back."""
    through = 0
    for _ in range(count):
        session = random.choice((victim.session, random.randrange(1000)))
        asked = struct.pack("<QQ16sQ", victim.epoch, session, os.urandom(16), 0)
        peer = wire.Peer(gateway, hello(FEATURES | RESUME, asked), 128)
        through += struct.unpack_from("<I", peer.welcome, 124)[0] != 2
        peer.close()
    return through


def guessing(gateway, options, journal):
    """T21: 0 successes in a million tries, and the victim's read and lease are as they were."""
    victim = Victim(gateway)
    began = time.monotonic()
    done, through = guess(gateway, victim)
    seconds = time.monotonic() - began
    connections = 1000 if options.full else 100
    replayed, resumed = replay(gateway, connections), resume(gateway, victim, connections)
    untouched = victim.untouched(journal)
    written = bytes(journal.bytes)
    victim.peer.close()
    return {
        "tries": done, "through": len(through), "first": through[:3], "seconds": seconds, "replayed-frames": connections,
        "replays-through": replayed, "guessed-tokens": connections, "sessions-stolen": resumed,
        "victim-untouched": untouched and not written,
        "kept": done >= TRIES and not through and replayed == resumed == 0 and untouched and not written,
    }
