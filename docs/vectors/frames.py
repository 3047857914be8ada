"""The bytes of docs/protocol.md: numbers, frames, entries and completions."""

import struct

OPERATIONS = {
    "nop": 1, "open": 2, "close": 3, "read": 4, "write": 5, "sync": 6, "poll": 7, "command": 8, "timeout": 9,
    "cancel": 10, "describe": 11, "list": 12, "lease": 13, "credit": 14,
    "context": 15,
}
TYPES = {"hello": 1, "welcome": 2, "submit": 3, "complete": 4, "error": 5, "goodbye": 6, "acknowledge": 7}
ENGINES = {"gateway": 0, "ring": 1, "call": 2}
FLAGS = {"more": 1, "denied": 2, "refused": 4, "indeterminate": 32, "gap": 64}
FRAME_LIMIT = 1114112
REVISION = bytes(range(32))
TOKEN = bytes(range(0xA0, 0xB0))
EPOCH, SESSION = 0x1122334455667788, 7
LINK, HARDLINK, DRAIN, MULTISHOT, SKIP_SUCCESS = 1, 2, 4, 8, 16
RESUME, ALL_FEATURES = 64, 511


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


def hello_again(received, features=ALL_FEATURES):
    return hello(features=features) + struct.pack("<QQ", EPOCH, SESSION) + TOKEN + struct.pack("<Q", received)


def welcome(features=0):
    monotonic, realtime = 5000000000, 1700000000000000000
    head = struct.pack("<HHIQQQQQ", 1, 64, FRAME_LIMIT, features, EPOCH, SESSION, monotonic, realtime)
    return head + struct.pack("<IIIHH", 1024, 1048576, 4194304, 1024, 256) + REVISION


def resumable(last_request_id, resumption, features=ALL_FEATURES):
    return welcome(features) + TOKEN + struct.pack("<QII", last_request_id, 30000, resumption)


def acknowledge(received):
    return struct.pack("<Q", received)


def error(code, rule, blamed, text):
    return struct.pack("<HHI", code, rule, 0xFFFFFFFF if blamed is None else blamed) + text.encode()


def goodbye(reason, rest=bytes(6)):
    return struct.pack("<H", reason) + rest
