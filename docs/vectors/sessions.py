"""Sessions that break a rule, or ask for what is refused, where one frame alone does not show it."""

import struct

from frames import (
    ALL_FEATURES, FRAME_LIMIT, HARDLINK, LINK, MULTISHOT, RESUME, SKIP_SUCCESS, acknowledge, completion, entry, error,
    frame, goodbye, hello, hello_again, resumable, welcome,
)

LINKS, CANCEL, TIMEOUTS, STREAMS, POLL, LEASES, TRACE_CONTEXT = 1, 2, 4, 8, 16, 32, 256
HOUR = 3600 * 10**9
CURRENT = 2**64 - 1
NO_RULE, NOT_OPEN, SHAPE, UNSUPPORTED = 1, 4, 6, 7
RESULTS = {NO_RULE: -13, NOT_OPEN: -9, SHAPE: -22, UNSUPPORTED: -95}

vectors = []


def greeting(features=0):
    return frame("hello", hello(features=features))


def submit(*entries):
    return frame("submit", b"".join(entries), len(entries))


NOP = entry("nop", 1)
DONE = completion(1, 0, "gateway")


# What ends the session.

def ends(name, code, rule, *frames, entry=None):
    vectors.append({
        "name": name, "frames": [data.hex() for data in frames],
        "error": {"code": code, "rule": rule, "entry": entry},
    })


def ends_after_hello(name, code, rule, *frames, features=0, entry=None):
    ends(name, code, rule, greeting(features), *frames, entry=entry)


# Before the hello: each other frame, and a hello that is wrong.
for kind in ("welcome", "error", "goodbye", "acknowledge"):
    ends(f"{kind}-before-hello", 2, 9, frame(kind, b""))
for kind in ("submit", "complete"):
    ends(f"{kind}-before-hello", 2, 9, frame(kind, b"", 1, length=64))
for kind in ("hello", "submit", "complete", "goodbye", "acknowledge"):
    ends(f"{kind}-before-hello-too-long", 4, 4, frame(kind, b"", length=65))
for kind in ("hello", "submit", "goodbye", "acknowledge"):
    ends(f"{kind}-before-hello-reserved", 6, 3, frame(kind, b"", reserved=0x80))
for kind in ("hello", "goodbye", "acknowledge"):
    ends(f"{kind}-before-hello-with-count", 6, 5, frame(kind, b"", 1))
ends("hello-of-nothing", 1, 6, frame("hello", b""))
ends("hello-of-64", 1, 6, frame("hello", hello() + bytes(48)))
ends("version-of-the-future", 3, 7, frame("hello", hello(2, 9)))
ends("version-0", 3, 7, frame("hello", hello(0, 0)))
ends("version-of-the-future-resumed", 3, 7,
     frame("hello", struct.pack("<HHIQ", 2, 9, 0, ALL_FEATURES) + hello_again(5)[16:]))
ends("type-8-before-hello", 1, 2, frame(8, b""))
ends("type-255-before-hello", 1, 2, frame(255, b"", length=2**32 - 1, reserved=1, count=1))

# After it: each frame that may not come, and the order in which a header is looked at.
ends_after_hello("hello-again", 2, 9, greeting())
ends_after_hello("hello-to-resume-after-hello", 2, 9, frame("hello", hello_again(0)))
ends_after_hello("welcome-from-client", 2, 9, frame("welcome", welcome()))
ends_after_hello("welcome-to-resume-from-client", 2, 9, frame("welcome", resumable(0, 0)))
ends_after_hello("complete-from-client", 2, 9, frame("complete", DONE, 1))
ends_after_hello("error-from-client", 2, 9, frame("error", error(1, 0, None, "no")))
ends_after_hello("acknowledge-without-resume", 2, 9, frame("acknowledge", acknowledge(0)))
for kind in ("hello", "welcome", "submit", "complete", "error", "goodbye", "acknowledge"):
    count = 1 if kind in ("submit", "complete") else 0
    ends_after_hello(f"{kind}-too-long", 4, 4, frame(kind, b"", count, length=FRAME_LIMIT + 1))
    ends_after_hello(f"{kind}-reserved", 6, 3, frame(kind, b"", count, reserved=1))
for kind in ("hello", "welcome", "error", "goodbye", "acknowledge"):
    ends_after_hello(f"{kind}-with-count", 6, 5, frame(kind, b"", 1, length=16))
ends_after_hello("goodbye-of-nothing", 1, 28, frame("goodbye", b""))
ends_after_hello("goodbye-of-the-gateway", 1, 28, frame("goodbye", goodbye(1)))
ends_after_hello("acknowledge-of-nothing", 1, 36, frame("acknowledge", b""), features=RESUME)

for kind in ("hello", "welcome", "complete", "error", "acknowledge"):
    ends_after_hello(f"{kind}-by-its-header", 2, 9, frame(kind, b"", int(kind == "complete"), length=FRAME_LIMIT))

# What the frames before have made wrong.
ends_after_hello("request-id-of-the-frame-before", 5, 14, submit(NOP), submit(NOP), entry=0)
ends_after_hello("request-id-below-the-frame-before", 5, 14, submit(entry("nop", 9)), submit(entry("nop", 8)), entry=0)
ends_after_hello("request-id-after-the-greatest", 5, 14, submit(entry("nop", 2**64 - 1)), submit(NOP), entry=0)
ends_after_hello("request-id-again-in-the-middle", 5, 14, submit(NOP),
                 submit(entry("nop", 2), entry("nop", 3), entry("nop", 3), entry("nop", 4)), entry=2)
ends_after_hello("request-id-of-a-refused-entry", 5, 14, submit(entry("close", 1)), submit(NOP), entry=0)
WAITING = [entry("timeout", number + 1, offset=HOUR) for number in range(1024)]
ends_after_hello("one-entry-above-the-credit", 4, 17, submit(*WAITING), submit(entry("nop", 1025)), features=LINKS)
ends_after_hello("not-acknowledged-counts", 4, 17, submit(*[entry("nop", number + 1) for number in range(1024)]),
                 submit(entry("nop", 1025)), features=RESUME)
ends_after_hello("acknowledged-before-anything-came", 1, 36, frame("acknowledge", acknowledge(1)), features=RESUME)
ends_after_hello("acknowledged-the-greatest", 1, 36, frame("acknowledge", acknowledge(2**64 - 1)), features=RESUME)
for bit, flag in enumerate(("link", "hardlink", "drain", "multishot", "skip-success")):
    others = {0: ALL_FEATURES - LINKS, 1: ALL_FEATURES - LINKS, 2: ALL_FEATURES - LINKS,
              3: ALL_FEATURES - STREAMS, 4: ALL_FEATURES - 128}[bit]
    ends_after_hello(f"{flag}-not-granted", 6, 13, submit(entry("nop", 1, flags=1 << bit), entry("nop", 2)),
                     features=others, entry=0)
ends_after_hello("chain-into-the-next-frame", 1, 34, submit(entry("nop", 1, flags=LINK)), submit(entry("nop", 2)),
                 features=LINKS, entry=0)
ends_after_hello("second-entry-flagged", 6, 13, submit(NOP, entry("nop", 2, flags=0x80)), entry=1)
ends_after_hello("second-entry-cut", 1, 12, frame("submit", NOP + entry("nop", 2)[:8], 2), entry=1)
ends_after_hello("second-entry-padded-wrong", 6, 16, submit(NOP, entry("describe", 2, argument=b"a")[:-1] + b"\1"),
                 entry=1)


# What is refused, and ends nothing: the entry asked first is answered, and a nop behind it.

def refused(name, reason, *frames, features=0, request_id=1):
    vectors.append({
        "name": name, "frames": [data.hex() for data in (greeting(features), *frames, submit(entry("nop", 99)))],
        "refused": {"request_id": str(request_id), "reason": reason, "result": RESULTS[reason]},
    })


def refused_entry(name, reason, operation, features=0, **fields):
    refused(name, reason, submit(entry(operation, 1, **fields)), features=features)


refused_entry("nop-with-slot", SHAPE, "nop", slot=1)
refused_entry("nop-with-sub-opcode", SHAPE, "nop", sub_opcode=1)
refused_entry("nop-with-offset", SHAPE, "nop", offset=1)
refused_entry("nop-with-argument", SHAPE, "nop", argument=b"x")
refused_entry("nop-with-deadline", SHAPE, "nop", features=TIMEOUTS, timeout_ms=1)
for number in (0, 16, 255):
    refused_entry(f"operation-{number}", UNSUPPORTED, number, features=ALL_FEATURES)
for operation, feature in (("timeout", LINKS), ("cancel", CANCEL), ("poll", POLL), ("lease", LEASES),
                           ("credit", STREAMS), ("context", TRACE_CONTEXT)):
    refused_entry(f"{operation}-not-granted", UNSUPPORTED, operation, features=ALL_FEATURES - feature)
for operation in ("close", "read", "write", "sync", "poll", "command"):
    for slot in (0, 63, 64, 65535):
        refused_entry(f"{operation}-on-slot-{slot}", NOT_OPEN, operation, features=POLL, slot=slot)
for slot in (64, 65535):
    refused_entry(f"open-into-slot-{slot}", NOT_OPEN, "open", slot=slot, argument=b"null")
for name, argument in (("nothing", b""), ("a-path", b"/dev/null"), ("capitals", b"NULL"), ("a-space", b"a b"),
                       ("a-zero", b"null\0"), ("65-characters", b"a" * 65), ("another-at", b"@other")):
    refused_entry(f"open-of-{name}", SHAPE, "open", argument=argument)
    refused_entry(f"describe-of-{name}", SHAPE, "describe", argument=argument)
refused_entry("open-of-what-nobody-has", NO_RULE, "open", argument=b"no-such-device")
refused_entry("open-with-sub-opcode", SHAPE, "open", sub_opcode=1, argument=b"null")
refused_entry("describe-with-slot", SHAPE, "describe", slot=1, argument=b"null")
refused_entry("list-with-argument", SHAPE, "list", argument=bytes(8))
for name, offset in (("nothing", 0), ("more-than-an-hour", HOUR + 1), ("all-ones", CURRENT)):
    refused_entry(f"timeout-of-{name}", SHAPE, "timeout", features=LINKS, offset=offset)
refused_entry("cancel-of-kind-3", SHAPE, "cancel", features=CANCEL, sub_opcode=3)
refused_entry("cancel-request-with-slot", SHAPE, "cancel", features=CANCEL, slot=1, offset=9)
refused_entry("cancel-slot-with-offset", SHAPE, "cancel", features=CANCEL, sub_opcode=1, offset=9)
refused_entry("cancel-session-with-slot", SHAPE, "cancel", features=CANCEL, sub_opcode=2, slot=1)
for events in (0, 4097, 2**32 - 1):
    refused_entry(f"credit-of-{events}", SHAPE, "credit", features=STREAMS, sub_opcode=events, offset=9)
for verb in (0, 7):
    refused_entry(f"lease-verb-{verb}", SHAPE, "lease", features=LEASES, sub_opcode=verb, argument=b"{}")
for name, document in (("no-json", b"{"), ("a-list", b"[]"), ("an-unknown-key", b'{"lease":1,"force":true}'),
                       ("a-fraction", b'{"lease":1.5}'), ("below-0", b'{"lease":-1}'), ("4097-bytes", b" " * 4097)):
    refused_entry(f"lease-release-of-{name}", SHAPE, "lease", features=LEASES, sub_opcode=3, argument=document)
for credit in (0, 4097):
    refused_entry(f"list-stream-with-credit-{credit}", SHAPE, "list", features=STREAMS, flags=MULTISHOT,
                  argument=struct.pack("<II", 0, credit))
refused_entry("nop-as-stream", SHAPE, "nop", features=STREAMS, flags=MULTISHOT)
refused_entry("skip-success-alone", SHAPE, "nop", features=ALL_FEATURES, flags=SKIP_SUCCESS)
refused("stream-in-a-chain", SHAPE, submit(
    entry("list", 1, flags=MULTISHOT | LINK, argument=struct.pack("<II", 0, 1)), entry("nop", 2)), features=ALL_FEATURES)
refused("chain-with-a-refused-member", SHAPE, submit(
    entry("nop", 1, flags=LINK), entry("nop", 2, slot=1, flags=HARDLINK), entry("nop", 3)), features=LINKS,
    request_id=2)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
for name, text in (("54-bytes", PARENT[:-1]), ("56-bytes", PARENT + "0"), ("version-ff", "ff" + PARENT[2:]),
                   ("capitals", PARENT.upper()), ("no-dash", PARENT.replace("-", "_")),
                   ("trace-0", PARENT[:3] + "0" * 32 + PARENT[35:]), ("parent-0", PARENT[:36] + "0" * 16 + PARENT[52:])):
    refused_entry(f"context-of-{name}", SHAPE, "context", features=TRACE_CONTEXT, argument=text.encode())
