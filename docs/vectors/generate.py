#!/usr/bin/env python3
"""Writes valid.json, invalid.json and arguments.json beside itself.

Made from docs/protocol.md alone, with nothing but Python's standard library, so that the vectors check the
Swift code instead of repeating it. `generate.py --check` fails when a file is not what it would write.
"""

import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import arguments  # noqa: E402

OPERATIONS = {
    "nop": 1, "open": 2, "close": 3, "read": 4, "write": 5, "sync": 6, "command": 8, "describe": 11,
    "list": 12,
}
TYPES = {"hello": 1, "welcome": 2, "submit": 3, "complete": 4, "error": 5, "goodbye": 6}
ENGINES = {"gateway": 0, "ring": 1, "call": 2}
FLAGS = {"more": 1, "denied": 2, "refused": 4, "indeterminate": 32, "gap": 64}
FRAME_LIMIT = 1114112
REVISION = bytes(range(32))


def pad(data):
    return data + bytes(-len(data) % 8)


def frame(kind, payload, count=0, reserved=0, length=None):
    kind = TYPES.get(kind, kind)
    return struct.pack("<IBBH", len(payload) if length is None else length, kind, reserved, count) + payload


def entry(
    operation, request_id, slot=0, sub_opcode=0, offset=0, argument=b"", flags=0, timeout_ms=0, length=None
):
    number = OPERATIONS.get(operation, operation)
    length = len(argument) if length is None else length
    head = struct.pack("<BBHIQQII", number, flags, slot, sub_opcode, request_id, offset, timeout_ms, length)
    return head + pad(argument)


def completion(request_id, result, engine, payload=b"", device_time=0, flags=(), length=None, raw_flags=None):
    bits = (ENGINES[engine] << 3) + sum(FLAGS[flag] for flag in flags) if raw_flags is None else raw_flags
    head = struct.pack("<QiI", request_id, result, len(payload) if length is None else length)
    return head + device_time.to_bytes(6, "little") + struct.pack("<H", bits) + pad(payload)


def refusal(reason, rule, text):
    rule, text = rule.encode(), text.encode()
    return struct.pack("<HHI", reason, len(rule), len(text)) + rule + text


def hello(low=1, high=1, features=0, reserved=0):
    return struct.pack("<HHIQ", low, high, reserved, features)


def welcome():
    epoch, session, monotonic, realtime = 0x1122334455667788, 7, 5000000000, 1700000000000000000
    head = struct.pack("<HHIQQQQQ", 1, 64, FRAME_LIMIT, 0, epoch, session, monotonic, realtime)
    return head + struct.pack("<IIIHH", 1024, 1048576, 4194304, 1024, 256) + REVISION


def error(code, rule, blamed, text):
    return struct.pack("<HHI", code, rule, 0xFFFFFFFF if blamed is None else blamed) + text.encode()


def goodbye(reason, rest=bytes(6)):
    return struct.pack("<H", reason) + rest


# Frames that are right.

valid = []


def add(name, direction, data, **decoded):
    valid.append({"name": name, "direction": direction, "hex": data.hex(), **decoded})


def add_submit(name, *entries):
    decoded = [
        {
            "operation": operation, "number": OPERATIONS[operation], "flags": 0,
            "slot": fields.get("slot", 0), "sub_opcode": fields.get("sub_opcode", 0),
            "request_id": str(request_id), "offset": str(fields.get("offset", 0)), "timeout_ms": 0,
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
add("welcome", "gateway", frame("welcome", welcome()), type="welcome", version=1, slots=64,
    frame_limit=FRAME_LIMIT, features="0", epoch=str(0x1122334455667788), session="7",
    monotonic_ns="5000000000", realtime_ns="1700000000000000000", in_flight=1024, payload_limit=1048576,
    payload_in_flight=4194304, entries=1024, chain=256, revision=REVISION.hex())

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

add_complete("opened-null", (1, 0, "call", {"device_time": 9000}))
add_complete("ran-on-ring", (2, 0, "ring", {"device_time": 1500}))
add_complete("answered-by-gateway", (3, 0, "gateway", {}))
add_complete("ran-as-call", (8, 0, "call", {"device_time": 2**48 - 1}))
add_complete("window-size", (
    13, 0, "call", {"device_time": 700, "payload": struct.pack("<HHHH", 24, 80, 0, 0)}))
add_complete("read-five-bytes", (5, 5, "ring", {"device_time": 81000, "payload": b"ready"}))
add_complete("errno-of-the-kernel", (14, -25, "call", {"device_time": 300}))
add_complete("indeterminate", (15, -4, "call", {"device_time": 10**10, "flags": ("indeterminate",)}))
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


def bad(name, direction, code, rule, data, blamed=None, also=(), limit=FRAME_LIMIT, after=0):
    invalid.append({
        "name": name, "direction": direction, "code": code, "rule": rule, "entry": blamed,
        "also_breaks": list(also), "payload_limit": limit, "after_request_id": str(after), "hex": data.hex(),
    })


def bad_submit(name, code, rule, payload, count=1, **more):
    bad(name, "client", code, rule, frame("submit", payload, count), **more)


def bad_complete(name, code, rule, payload, count=1):
    bad(name, "gateway", code, rule, frame("complete", payload, count))


NOP = entry("nop", 1)
bad("type-0", "client", 1, 2, frame(0, b""))
bad("type-7", "client", 1, 2, frame(7, b""))
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
bad("welcome-short", "gateway", 1, 8, frame("welcome", welcome()[:95]))
bad("welcome-long", "gateway", 1, 8, frame("welcome", welcome() + b"\0"))
bad_submit("no-entries", 1, 10, b"", 0)
bad_submit("no-entries-but-bytes", 1, 10, NOP, 0)
bad_submit("1025-entries", 4, 11, b"", 1025, also=[12])
bad_submit("one-entry-missing", 1, 12, NOP, 2, blamed=1)
bad_submit("header-cut", 1, 12, NOP[:31], blamed=0)
bad_submit("argument-cut", 1, 12, entry("write", 1, argument=b"12345678")[:-1], blamed=0)
bad_submit("padding-cut", 1, 12, entry("write", 1, argument=b"123")[:-1], blamed=0)
bad_submit("bytes-behind", 1, 12, NOP + bytes(8))
for bit in range(8):
    bad_submit(f"flag-bit-{bit}", 6, 13, entry("nop", 1, flags=1 << bit), blamed=0)
bad_submit("request-id-0", 5, 14, entry("nop", 0), blamed=0)
bad_submit("request-id-again", 5, 14, NOP + NOP, 2, blamed=1)
bad_submit("request-id-falling", 5, 14, entry("nop", 2) + NOP, 2, blamed=1)
bad_submit("request-id-of-before", 5, 14, entry("nop", 9), blamed=0, after=9)
bad_submit("argument-too-long", 4, 15, entry("write", 1, length=1048577), blamed=0, also=[12])
bad_submit("argument-of-4-gib", 4, 15, entry("write", 1, length=2**32 - 1), blamed=0, also=[12])
bad_submit("padding-not-zero", 6, 16, entry("write", 1, argument=b"123")[:-1] + b"\1", blamed=0)

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
        ("valid.json", valid), ("invalid.json", invalid), ("arguments.json", arguments.vectors),
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
