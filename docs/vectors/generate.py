#!/usr/bin/env python3
"""Writes valid.json, invalid.json, sessions.json and arguments.json beside itself.

Made from docs/protocol.md alone, with nothing but Python's standard library, so that the vectors check the
Swift code instead of repeating it. `generate.py --check` fails when a file is not what it would write.
"""

import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import arguments  # noqa: E402
import sessions  # noqa: E402
from frames import (  # noqa: E402
    ALL_FEATURES, DRAIN, EPOCH, FRAME_LIMIT, HARDLINK, LINK, MULTISHOT, OPERATIONS, RESUME, REVISION, SESSION,
    SKIP_SUCCESS, TOKEN, acknowledge, completion, entry, error, frame, goodbye, hello, hello_again, refusal,
    resumable, welcome,
)

# Frames that are right.

valid = []


def add(name, direction, data, **decoded):
    valid.append({"name": name, "direction": direction, "hex": data.hex(), **decoded})


def add_submit(name, *entries):
    decoded = [
        {
            "operation": operation, "number": OPERATIONS[operation],
            "flags": fields.get("flags", 0),
            "slot": fields.get("slot", 0), "sub_opcode": fields.get("sub_opcode", 0),
            "request_id": str(request_id), "offset": str(fields.get("offset", 0)),
            "timeout_ms": fields.get("timeout_ms", 0),
            "argument": fields.get("argument", b"").hex(),
        }
        for operation, request_id, fields in entries
    ]
    payload = b"".join(entry(operation, request_id, **fields) for operation, request_id, fields in entries)
    add(name, "client", frame("submit", payload, len(entries)), type="submit", entries=decoded)


def add_complete(name, *completions):
    decoded, payload = [], b""
    for request_id, result, engine, fields in completions:
        refused = fields.pop("refusal", None)
        if refused is not None:
            fields["payload"] = refusal(*refused)
        payload += completion(request_id, result, engine, **fields)
        one = {
            "request_id": str(request_id), "result": result, "engine": engine,
            "flags": sorted(fields.get("flags", ())), "device_time": str(fields.get("device_time", 0)),
            "payload": fields.get("payload", b"").hex(),
        }
        if refused is not None:
            one["refusal"] = dict(zip(("reason", "rule", "text"), refused))
        decoded.append(one)
    add(name, "gateway", frame("complete", payload, len(completions)), type="complete", completions=decoded)


add("hello", "client", frame("hello", hello()), type="hello", min_version=1, max_version=1, features="0")
add("hello-unknown-features", "client", frame("hello", hello(1, 3, 2**63 + 1)), type="hello",
    min_version=1, max_version=3, features=str(2**63 + 1))
add("hello-all-features", "client", frame("hello", hello(features=ALL_FEATURES)), type="hello",
    min_version=1, max_version=1, features=str(ALL_FEATURES))
add("hello-resume", "client", frame("hello", hello_again(5)), type="hello", min_version=1, max_version=1,
    features=str(ALL_FEATURES), epoch=str(EPOCH), session=str(SESSION), token=TOKEN.hex(), received="5")


def add_welcome(name, data, features, **decoded):
    add(name, "gateway", frame("welcome", data), type="welcome", version=1, slots=64, frame_limit=FRAME_LIMIT,
        features=str(features), epoch=str(EPOCH), session=str(SESSION), monotonic_ns="5000000000",
        realtime_ns="1700000000000000000", in_flight=1024, payload_limit=1048576, payload_in_flight=4194304,
        entries=1024, chain=256, revision=REVISION.hex(), **decoded)


add_welcome("welcome", welcome(), 0)
add_welcome("welcome-without-resume", welcome(ALL_FEATURES - RESUME), ALL_FEATURES - RESUME)
for resumption, (name, last) in enumerate((("new", 0), ("resumed", 12), ("lost", 0))):
    add_welcome(f"welcome-{name}", resumable(last, resumption), ALL_FEATURES, token=TOKEN.hex(),
                last_request_id=str(last), grace_ms=30000, resumption=resumption)
add("acknowledge", "client", frame("acknowledge", acknowledge(5)), type="acknowledge", received="5")
add("acknowledge-greatest", "client", frame("acknowledge", acknowledge(2**64 - 1)), type="acknowledge",
    received=str(2**64 - 1))

add_submit("open-null", ("open", 1, {"argument": b"null"}))
add_submit("command-null", ("command", 2, {}))
add_submit("nop", ("nop", 3, {}))
add_submit("close", ("close", 4, {"slot": 63}))
add_submit("read", ("read", 5, {"slot": 1, "offset": 2**64 - 1, "argument": struct.pack("<II", 4096, 0)}))
add_submit("write", ("write", 6, {"slot": 1, "offset": 1048576, "argument": b"hello, board\n"}))
add_submit("sync", ("sync", 7, {"slot": 1}))
add_submit("command-tiocswinsz", (
    "command", 8, {"slot": 1, "sub_opcode": 0x5414, "argument": struct.pack("<HHHH", 24, 80, 0, 0)}))
add_submit("command-tiocsti", ("command", 9, {"slot": 1, "sub_opcode": 0x5412, "argument": b"x"}))
add_submit("command-discard", (
    "command", 10, {"slot": 2, "sub_opcode": 0x1200, "argument": struct.pack("<QQ", 1048576, 4096)}))
add_submit("describe", ("describe", 11, {"argument": b"board"}))
add_submit("list", ("list", 12, {}))
add_submit("greatest-numbers", (
    "command", 2**64 - 1, {"slot": 65535, "sub_opcode": 2**32 - 1, "argument": b"\xff" * 8}))
add_submit("batch", ("open", 20, {"slot": 3, "argument": b"board"}), ("nop", 21, {}),
           ("write", 1000, {"slot": 4, "offset": 2**64 - 1, "argument": b"123456789"}))

# A write, half a millisecond of pause whose success is not told, and a read whatever becomes of the pause.
add_submit("chain", ("write", 10, {"slot": 1, "offset": 2**64 - 1, "argument": b"reset\n", "flags": LINK}),
           ("timeout", 11, {"offset": 500000, "flags": HARDLINK + SKIP_SUCCESS}),
           ("read", 12, {"slot": 1, "offset": 2**64 - 1, "argument": struct.pack("<II", 64, 0)}))
add_submit("chain-hardlink-wins", ("nop", 13, {"flags": LINK + HARDLINK}), ("nop", 14, {"flags": DRAIN}))
add_submit("drain", ("sync", 15, {"slot": 1, "flags": DRAIN}))
add_submit("longest-timeout", ("timeout", 16, {"offset": 3600 * 10**9}))
add_submit("command-with-deadline", (
    "command", 17, {"slot": 1, "sub_opcode": 0x5413, "timeout_ms": 250}))
add_submit("cancel-request", ("cancel", 18, {"offset": 17}))
add_submit("cancel-slot", ("cancel", 19, {"slot": 1, "sub_opcode": 1}))
add_submit("cancel-session", ("cancel", 20, {"sub_opcode": 2}))
add_submit("poll", ("poll", 21, {"slot": 1, "sub_opcode": 0x2001, "timeout_ms": 1000}))
add_submit("poll-stream", (
    "poll", 22, {"slot": 1, "sub_opcode": 0x1, "flags": MULTISHOT, "argument": struct.pack("<II", 0, 8)}))
add_submit("read-stream", ("read", 23, {
    "slot": 1, "offset": 2**64 - 1, "flags": MULTISHOT, "argument": struct.pack("<II", 64, 2)}))
add_submit("list-stream", ("list", 24, {"flags": MULTISHOT, "argument": struct.pack("<II", 0, 4096)}))
add_submit("credit", ("credit", 25, {"offset": 23, "sub_opcode": 2}))
LEASES = {
    "acquire": (1, b'{"devices":["board","relay"],"mode":"exclusive","ttl":60000,"wait":0}'),
    "renew": (2, b'{"lease":3,"ttl":60000}'), "release": (3, b'{"lease":3}'),
    "transfer": (4, b'{"lease":3,"to":8}'), "share": (5, b'{"lease":3,"to":8}'), "status": (6, b"{}"),
}
for verb, (number, document) in LEASES.items():
    add_submit(f"lease-{verb}", ("lease", 30 + number, {"sub_opcode": number, "argument": document}))
add_submit("lease-acquire-stream", ("lease", 37, {
    "sub_opcode": 1, "flags": MULTISHOT, "timeout_ms": 5000,
    "argument": b'{"devices":["board"],"mode":"shared","wait":60000}'}))
add_submit("context", ("context", 39, {
    "argument": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}))
add_submit("context-none", ("context", 40, {}))
add_submit("open-with-epoch", ("open", 38, {"slot": 2, "offset": 4, "argument": b"board"}))

add_complete("opened-null", (1, 0, "call", {"device_time": 9000}))
add_complete("ran-on-ring", (2, 0, "ring", {"device_time": 1500}))
add_complete("answered-by-gateway", (3, 0, "gateway", {}))
add_complete("ran-as-call", (8, 0, "call", {"device_time": 2**48 - 1}))
add_complete("window-size", (
    13, 0, "call", {"device_time": 700, "payload": struct.pack("<HHHH", 24, 80, 0, 0)}))
add_complete("read-five-bytes", (5, 5, "ring", {"device_time": 81000, "payload": b"ready"}))
add_complete("errno-of-the-kernel", (14, -25, "call", {"device_time": 300}))
add_complete("indeterminate", (15, -4, "call", {"device_time": 10**10, "flags": ("indeterminate",)}))
add_complete("chain-answered", (10, 6, "ring", {"device_time": 4000}),
             (12, 3, "ring", {"device_time": 90000, "payload": b"ok\n"}))
add_complete("chain-cancelled", (10, -5, "ring", {"device_time": 4000}), (11, -125, "gateway", {}),
             (12, -125, "gateway", {}))
add_complete("deadline-over", (17, -62, "call", {"device_time": 250000000, "flags": ("indeterminate",)}))
add_complete("cancelled", (17, -125, "call", {"device_time": 70000, "flags": ("indeterminate",)}),
             (18, 0, "gateway", {}))
add_complete("cancel-found-nothing", (18, -2, "gateway", {}))
add_complete("cancel-in-vain", (18, -114, "gateway", {}))
add_complete("cancelled-three", (20, 3, "gateway", {}))
add_complete("poll-event", (22, 0x1, "gateway", {"device_time": 5000000000, "flags": ("more",)}))
add_complete("read-events", (23, 5, "ring", {
    "device_time": 5000000000, "flags": ("more",), "payload": b"login"}), (23, 1, "ring", {
    "device_time": 5000090000, "flags": ("more",), "payload": b":"}))
add_complete("gap", (22, 0, "gateway", {
    "device_time": 5000100000, "flags": ("gap", "more"), "payload": struct.pack("<Q", 3)}))
add_complete("list-event", (24, 0, "gateway", {
    "device_time": 2**48 - 1, "flags": ("more",), "payload": b'{"device":"board","change":"vanished"}'}))
add_complete("stream-ended", (23, 0, "ring", {"device_time": 700}))
add_complete("credit-for-nothing", (25, -2, "gateway", {}))
add_complete("lease-acquired", (31, 0, "gateway", {"payload":
    b'{"lease":3,"mode":"exclusive","ttl":60000,'
    b'"devices":[{"device":"board","epoch":4},{"device":"relay","epoch":1}]}'}))
add_complete("lease-position", (37, 0, "gateway", {
    "device_time": 5000000000, "flags": ("more",), "payload":
    b'{"position":1,"ahead":[{"session":2,"identity":"ringgate://lab/agent/2"}]}'}))
add_complete("lease-busy", (31, -16, "gateway", {
    "device_time": 9000000000, "flags": ("refused",), "refusal": (
        8, "", "`board` is leased by ringgate://lab/agent/2 in session 2; 1 request waits")}))
add_complete("denied-tiocsti", (9, -13, "gateway", {"flags": ("denied", "refused"), "refusal": (
    2, "never/TIOCSTI", "TIOCSTI (0x5412) is never allowed on any device")}))
REFUSALS = [
    (1, -13, "", "no rule lets you open `disk`"),
    (2, -13, "never/FIONBIO", "FIONBIO (0x5421) is never allowed on any device"),
    (3, -13, "agents-use-board", "TIOCSWINSZ needs ws_row in 1..200"),
    (4, -9, "", "slot 5 is not open"),
    (5, -16, "", "slot 5 is in use"),
    (6, -22, "", "TIOCSWINSZ takes 8 bytes of argument, not 4"),
    (7, -95, "", "operation 13 needs a feature that was not granted"),
    (8, -16, "", "the session has 4194304 bytes in flight"),
    (9, -108, "", "the gateway is stopping"),
    (10, -19, "", "what is at the path of `board` is no character device – look there"),
    (11, -16, "", "`board` is disabled: the bench is being rewired"),
]
for reason, result, rule, text in REFUSALS:
    flags = ("denied", "refused") if result == -13 else ("refused",)
    fields = {"flags": flags, "refusal": (reason, rule, text)}
    add_complete(f"refused-{reason}", (100 + reason, result, "gateway", fields))
add_complete("batch-answered", (21, 0, "gateway", {}), (20, 0, "call", {"device_time": 9000}),
             (1000, 9, "ring", {"device_time": 4000}))
add_complete("list-reply", (
    12, 0, "gateway", {"payload": b'{"devices":[{"name":"board","profile":"tty"}]}'}))

CODES = [
    "malformed", "unexpected frame", "version", "limit", "request id", "reserved", "unknown principal",
    "identity",
    "deadline", "overloaded", "internal", "revoked",
]
for code, text in enumerate(CODES, 1):
    rule, blamed = {5: (14, 3), 3: (7, None)}.get(code, (0, None))
    add(f"error-{code}", "gateway", frame("error", error(code, rule, blamed, text)), type="error", code=code,
        rule=rule, entry=blamed, text=text)
add("goodbye-done", "client", frame("goodbye", goodbye(0)), type="goodbye", reason=0)
add("goodbye-draining", "gateway", frame("goodbye", goodbye(1)), type="goodbye", reason=1)

# Frames that break one rule.

invalid = []


def bad(name, direction, code, rule, data, blamed=None, also=(), limit=FRAME_LIMIT, after=0, features=0):
    invalid.append({
        "name": name, "direction": direction, "code": code, "rule": rule, "entry": blamed,
        "also_breaks": list(also), "payload_limit": limit, "after_request_id": str(after),
        "features": str(features), "hex": data.hex(),
    })


def bad_submit(name, code, rule, payload, count=1, **more):
    bad(name, "client", code, rule, frame("submit", payload, count), **more)


def bad_complete(name, code, rule, payload, count=1):
    bad(name, "gateway", code, rule, frame("complete", payload, count))


NOP = entry("nop", 1)
bad("type-0", "client", 1, 2, frame(0, b""))
bad("type-8", "client", 1, 2, frame(8, b""))
bad("reserved-byte", "client", 6, 3, frame("submit", NOP, 1, reserved=1))
bad("greeting-too-long", "client", 4, 4, frame("hello", b"", length=65), limit=64)
bad("frame-too-long", "client", 4, 4, frame("submit", b"", 1, length=FRAME_LIMIT + 1))
bad("frame-of-4-gib", "client", 4, 4, frame("submit", b"", 1, length=2**32 - 1))
bad("count-in-hello", "client", 6, 5, frame("hello", hello(), 1), limit=64)
bad("count-in-goodbye", "client", 6, 5, frame("goodbye", goodbye(0), 2))
bad("hello-short", "client", 1, 6, frame("hello", hello()[:15]), limit=64)
bad("hello-long", "client", 1, 6, frame("hello", hello() + b"\0"), limit=64)
bad("hello-versions-crossed", "client", 1, 6, frame("hello", hello(2, 1)), limit=64)
bad("hello-reserved", "client", 6, 6, frame("hello", hello(reserved=1)), limit=64)
HELLO_AGAIN = hello_again(5)
bad("hello-resume-short", "client", 1, 6, frame("hello", HELLO_AGAIN[:55]), limit=64)
bad("hello-resume-long", "client", 1, 6, frame("hello", HELLO_AGAIN + b"\0"), limit=64)
bad("hello-resume-without-feature", "client", 1, 6,
    frame("hello", hello_again(5, ALL_FEATURES - RESUME)), limit=64)
bad("welcome-short", "gateway", 1, 8, frame("welcome", welcome()[:95]))
bad("welcome-long", "gateway", 1, 8, frame("welcome", welcome() + b"\0"))
bad("welcome-resume-short", "gateway", 1, 8, frame("welcome", resumable(0, 0)[:127]))
bad("welcome-resume-long", "gateway", 1, 8, frame("welcome", resumable(0, 0) + b"\0"))
bad("welcome-resume-missing", "gateway", 1, 8, frame("welcome", welcome(RESUME)))
bad("welcome-resume-not-granted", "gateway", 1, 8, frame("welcome", resumable(0, 0, ALL_FEATURES - RESUME)))
bad("welcome-resumption-3", "gateway", 1, 8, frame("welcome", resumable(0, 3)))
bad_submit("no-entries", 1, 10, b"", 0)
bad_submit("no-entries-but-bytes", 1, 10, NOP, 0)
bad_submit("1025-entries", 4, 11, b"", 1025, also=[12])
bad_submit("one-entry-missing", 1, 12, NOP, 2, blamed=1)
bad_submit("header-cut", 1, 12, NOP[:31], blamed=0)
bad_submit("argument-cut", 1, 12, entry("write", 1, argument=b"12345678")[:-1], blamed=0)
bad_submit("padding-cut", 1, 12, entry("write", 1, argument=b"123")[:-1], blamed=0)
bad_submit("bytes-behind", 1, 12, NOP + bytes(8))
for bit in range(8):
    bad_submit(f"flag-bit-{bit}", 6, 13, entry("nop", 1, flags=1 << bit), blamed=0,
               also=[34] if bit < 2 else [])
for bit in range(5, 8):
    bad_submit(f"flag-bit-{bit}-with-all-features", 6, 13, entry("nop", 1, flags=1 << bit), blamed=0,
               features=ALL_FEATURES)
bad_submit("request-id-0", 5, 14, entry("nop", 0), blamed=0)
bad_submit("request-id-again", 5, 14, NOP + NOP, 2, blamed=1)
bad_submit("request-id-falling", 5, 14, entry("nop", 2) + NOP, 2, blamed=1)
bad_submit("request-id-of-before", 5, 14, entry("nop", 9), blamed=0, after=9)
bad_submit("argument-too-long", 4, 15, entry("write", 1, length=1048577), blamed=0, also=[12])
bad_submit("argument-of-4-gib", 4, 15, entry("write", 1, length=2**32 - 1), blamed=0, also=[12])
bad_submit("padding-not-zero", 6, 16, entry("write", 1, argument=b"123")[:-1] + b"\1", blamed=0)
bad_submit("chain-of-one-without-end", 1, 34, entry("nop", 1, flags=LINK), blamed=0, features=1)
bad_submit("chain-without-end", 1, 34, NOP + entry("nop", 2, flags=LINK) + entry("nop", 3, flags=HARDLINK), 3,
           blamed=2, features=1)
bad_submit("chain-of-257", 4, 34,
           b"".join(entry("nop", index + 1, flags=LINK if index < 256 else 0) for index in range(257)), 257,
           blamed=255, features=1)
bad("acknowledge-short", "client", 1, 36, frame("acknowledge", acknowledge(5)[:7]), features=RESUME)
bad("acknowledge-long", "client", 1, 36, frame("acknowledge", acknowledge(5) + b"\0"), features=RESUME)

DONE = completion(1, 0, "gateway")
bad_complete("completion-padding-not-zero", 6, 16, completion(1, 3, "ring", b"123")[:-1] + b"\1")
bad_complete("no-completions", 1, 22, b"", 0)
bad_complete("completion-cut", 1, 22, DONE[:23])
bad_complete("completion-missing", 1, 22, DONE, 2)
bad_complete("payload-cut", 1, 22, completion(1, 8, "ring", b"12345678")[:-1])
bad_complete("payload-too-long", 1, 22, completion(1, 0, "ring", length=1048577))
bad_complete("bytes-behind-completion", 1, 22, DONE + b"\0")
bad_complete("engine-3", 6, 23, completion(1, 0, "gateway", raw_flags=0x18))
for bit in range(7, 16):
    bad_complete(f"completion-flag-bit-{bit}", 6, 23, completion(1, 0, "gateway", raw_flags=1 << bit))
bad_complete("payload-of-a-failure", 1, 24, completion(1, -5, "ring", b"12345678"))


def bad_refusal(name, payload):
    bad_complete(name, 1, 25, completion(1, -22, "gateway", payload, flags=("refused",)))


bad_refusal("refusal-cut", refusal(6, "", "")[:7])
bad_refusal("refusal-reason-0", refusal(0, "", "no"))
bad_refusal("refusal-reason-12", refusal(12, "", "no"))
bad_refusal("refusal-lengths-short", refusal(6, "rule", "text") + b"x")
bad_refusal("refusal-lengths-long", refusal(6, "rule", "text")[:-1])
bad_refusal("refusal-rule-of-513", refusal(6, "r" * 513, ""))
bad_refusal("refusal-not-utf-8", refusal(6, "", "text")[:-1] + b"\xff")
for length in (0, 7, 9):
    bad_complete(f"gap-of-{length}", 1, 37, completion(1, 0, "gateway", bytes(length), flags=("more", "gap")))
bad("error-short", "gateway", 1, 27, frame("error", error(1, 0, None, "")[:7]))
bad("error-code-0", "gateway", 1, 27, frame("error", error(0, 0, None, "x")))
bad("error-code-13", "gateway", 1, 27, frame("error", error(13, 0, None, "x")))
bad("error-text-of-513", "gateway", 1, 27, frame("error", error(1, 0, None, "x" * 513)))
bad("error-not-utf-8", "gateway", 1, 27, frame("error", error(1, 0, None, "") + b"\xc3"))
bad("goodbye-short", "client", 1, 28, frame("goodbye", goodbye(0)[:7]))
bad("goodbye-long", "client", 1, 28, frame("goodbye", goodbye(0) + b"\0"))
bad("goodbye-reason-2", "client", 1, 28, frame("goodbye", goodbye(2)))
bad("goodbye-reserved", "client", 1, 28, frame("goodbye", goodbye(0, b"\0\0\0\0\0\1")))


def main():
    stale = []
    for name, vectors in (
        ("valid.json", valid), ("invalid.json", invalid), ("sessions.json", sessions.vectors),
        ("arguments.json", arguments.vectors),
    ):
        path = Path(__file__).with_name(name)
        lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
        text = f"[\n{lines}\n]\n"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"not what generate.py writes: {', '.join(stale)}")


main()
