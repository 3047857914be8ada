"""The bytes of the protocol (docs/protocol.md). Nothing here does any I/O."""
from __future__ import annotations

import dataclasses
import enum
import struct
from typing import Iterator, List, Optional, Sequence, Tuple

ALPN = "ringgate/1"
VERSION = 1

FRAME_HEADER = struct.Struct("<IBBH")
ENTRY_HEADER = struct.Struct("<BBHIQQII")
COMPLETION_HEADER = struct.Struct("<QiIQ")
#: The longest payload of a frame the gateway sends (R-4).
FRAME_LIMIT = 1_114_112
#: ``offset`` of a read or write at the file's own position.
OWN_POSITION = (1 << 64) - 1
ENTRIES_PER_FRAME = 1024
PAYLOAD_LIMIT = 1 << 20
DEVICE_TIME_MASK = (1 << 48) - 1
_TEXT_LIMIT = 512
_NO_ENTRY = (1 << 32) - 1


class FrameType(enum.IntEnum):
    HELLO = 1
    WELCOME = 2
    SUBMIT = 3
    COMPLETE = 4
    ERROR = 5
    GOODBYE = 6
    ACKNOWLEDGE = 7


class Operation(enum.IntEnum):
    NOP = 1
    OPEN = 2
    CLOSE = 3
    READ = 4
    WRITE = 5
    SYNC = 6
    POLL = 7
    COMMAND = 8
    TIMEOUT = 9
    CANCEL = 10
    DESCRIBE = 11
    LIST = 12
    LEASE = 13
    CREDIT = 14
    CONTEXT = 15


class Features(enum.IntFlag):
    LINKS = 1
    CANCEL = 2
    TIMEOUTS = 4
    STREAMS = 8
    POLL = 16
    LEASES = 32
    RESUME = 64
    SKIP_SUCCESS = 128
    TRACE_CONTEXT = 256


class EntryFlags(enum.IntFlag):
    LINK = 1
    HARDLINK = 2
    DRAIN = 4
    MULTISHOT = 8
    SKIP_SUCCESS = 16


class CompletionFlags(enum.IntFlag):
    MORE = 1
    DENIED = 2
    REFUSED = 4
    INDETERMINATE = 32
    GAP = 64


class Reason(enum.IntEnum):
    """Why the gateway refused an entry (section 6)."""

    NO_RULE = 1
    NEVER = 2
    CONSTRAINT = 3
    SLOT_NOT_OPEN = 4
    SLOT_IN_USE = 5
    SHAPE = 6
    UNSUPPORTED = 7
    BUSY = 8
    DRAINING = 9
    IDENTITY = 10
    UNAVAILABLE = 11


ENGINES = ("gateway", "ring", "call")
_ENGINE_SHIFT, _ENGINE_MASK = 3, 3


class WireError(Exception):
    """Bytes that break a rule of the protocol; ``rule`` is its number."""

    def __init__(self, rule: int, text: str) -> None:
        super().__init__(f"R-{rule}: {text}")
        self.rule = rule


def _padded(count: int) -> int:
    return -count % 8


def frame(kind: FrameType, payload: bytes, count: int = 0) -> bytes:
    return FRAME_HEADER.pack(len(payload), kind, 0, count) + payload


def split(buffer: bytearray, limit: int = FRAME_LIMIT) -> Iterator[Tuple[FrameType, int, bytes]]:
    """Takes whole frames off the start of ``buffer``: type, count, payload."""
    while len(buffer) >= FRAME_HEADER.size:
        length, kind, reserved, count = FRAME_HEADER.unpack_from(buffer)
        if kind not in FrameType.__members__.values():
            raise WireError(2, f"frame type {kind} is unknown")
        if reserved:
            raise WireError(3, "the reserved byte of a frame is not 0")
        if length > limit:
            raise WireError(4, f"a frame of {length} bytes; at most {limit}")
        if count and kind not in (FrameType.SUBMIT, FrameType.COMPLETE):
            raise WireError(5, "a count where none belongs")
        end = FRAME_HEADER.size + length
        if len(buffer) < end:
            return
        payload = bytes(buffer[FRAME_HEADER.size:end])
        del buffer[:end]
        yield FrameType(kind), count, payload


# Hello and welcome


@dataclasses.dataclass(frozen=True)
class Resumption:
    """The session that a client wants back (R-39)."""

    epoch: int
    session: int
    token: bytes
    received: int


def hello(features: int, resumption: Optional[Resumption] = None, versions: Tuple[int, int] = (1, 1)) -> bytes:
    payload = struct.pack("<HHIQ", *versions, 0, features)
    if resumption is not None:
        payload += struct.pack(
            "<QQ16sQ", resumption.epoch, resumption.session, resumption.token, resumption.received)
    return frame(FrameType.HELLO, payload)


@dataclasses.dataclass(frozen=True)
class Welcome:
    """What the gateway answers a hello with (R-8). Times in nanoseconds, ``grace`` in milliseconds."""

    version: int
    slots: int
    frame_limit: int
    features: int
    epoch: int
    session: int
    monotonic: int
    realtime: int
    in_flight: int
    payload_limit: int
    payload_in_flight: int
    entries: int
    chain: int
    revision: bytes
    token: bytes = b""
    last_request_id: int = 0
    grace: int = 0
    #: 0 new, 1 resumed, 2 new because the one asked for is gone.
    resumption: int = 0


_WELCOME = struct.Struct("<HHIQQQQQIIIHH32s")
_WELCOME_RESUME = struct.Struct("<16sQII")


def decode_welcome(payload: bytes) -> Welcome:
    if len(payload) not in (_WELCOME.size, _WELCOME.size + _WELCOME_RESUME.size):
        raise WireError(8, f"a welcome of {len(payload)} bytes")
    fields = _WELCOME.unpack_from(payload)
    has_resume = bool(fields[3] & Features.RESUME)
    if has_resume != (len(payload) > _WELCOME.size):
        raise WireError(8, "the length of the welcome does not suit its features")
    more = _WELCOME_RESUME.unpack_from(payload, _WELCOME.size) if has_resume else ()
    welcome = Welcome(*fields, *more)
    if welcome.version != VERSION or 0 in (welcome.slots, welcome.frame_limit, welcome.in_flight, welcome.entries):
        raise WireError(8, "a welcome that makes no sense")
    if has_resume and welcome.resumption > 2:
        raise WireError(8, f"resumption {welcome.resumption} is unknown")
    return welcome


# Entries


@dataclasses.dataclass(frozen=True)
class Entry:
    operation: int
    slot: int = 0
    sub_opcode: int = 0
    offset: int = 0
    argument: bytes = b""
    flags: int = 0
    #: Deadline in milliseconds; 0 for none.
    timeout: int = 0

    def encode(self, request: int) -> bytes:
        header = ENTRY_HEADER.pack(
            self.operation, self.flags, self.slot, self.sub_opcode, request, self.offset, self.timeout,
            len(self.argument))
        return header + self.argument + bytes(_padded(len(self.argument)))

    @property
    def joins_next(self) -> bool:
        return bool(self.flags & (EntryFlags.LINK | EntryFlags.HARDLINK))


def submit(entries: Sequence[Tuple[int, Entry]]) -> bytes:
    """A frame of entries with their request ids."""
    return frame(FrameType.SUBMIT, b"".join(entry.encode(request) for request, entry in entries), len(entries))


# Completions


@dataclasses.dataclass(frozen=True)
class Refusal:
    reason: Reason
    #: Id of the deciding rule; empty when none decided.
    rule: str
    text: str


@dataclasses.dataclass(frozen=True)
class Completion:
    request: int
    #: The operation's result, or a negated errno.
    result: int
    payload: bytes
    #: Nanoseconds; see section 5 of the protocol for what it means.
    device_time: int
    flags: CompletionFlags
    engine: str
    refusal: Optional[Refusal] = None

    @property
    def has_more(self) -> bool:
        return bool(self.flags & CompletionFlags.MORE)


def decode_completions(count: int, payload: bytes) -> List[Completion]:
    found: List[Completion] = []
    position = 0
    if count == 0:
        raise WireError(22, "a complete frame without completions")
    for _ in range(count):
        if len(payload) - position < COMPLETION_HEADER.size:
            raise WireError(22, "the frame ends inside a completion")
        request, result, length, meta = COMPLETION_HEADER.unpack_from(payload, position)
        position += COMPLETION_HEADER.size
        if length > PAYLOAD_LIMIT or len(payload) - position < length + _padded(length):
            raise WireError(22, "the frame ends inside a payload")
        body = payload[position:position + length]
        position += length + _padded(length)
        if any(payload[position - _padded(length):position]):
            raise WireError(16, "padding behind a payload is not zero")
        found.append(_completion(request, result, body, meta))
    if position != len(payload):
        raise WireError(22, "bytes behind the last completion")
    return found


def _completion(request: int, result: int, body: bytes, meta: int) -> Completion:
    bits = meta >> 48
    engine = bits >> _ENGINE_SHIFT & _ENGINE_MASK
    if bits >> 7 or engine >= len(ENGINES):
        raise WireError(23, f"completion flags {bits:#x}")
    flags = CompletionFlags(bits & ~(_ENGINE_MASK << _ENGINE_SHIFT))
    is_refused = bool(flags & CompletionFlags.REFUSED)
    if (is_refused and result >= 0) or (body and result < 0 and not is_refused):
        raise WireError(24, "a payload or refusal that does not suit its result")
    refusal = decode_refusal(body) if is_refused else None
    return Completion(request, result, body, meta & DEVICE_TIME_MASK, flags, ENGINES[engine], refusal)


def decode_refusal(payload: bytes) -> Refusal:
    if len(payload) < 8:
        raise WireError(25, "a refusal is too short")
    reason, rule_length, text_length = struct.unpack_from("<HHI", payload)
    if reason not in Reason.__members__.values():
        raise WireError(25, f"reason {reason} is unknown")
    if max(rule_length, text_length) > _TEXT_LIMIT or len(payload) != 8 + rule_length + text_length:
        raise WireError(25, "lengths of a refusal do not fit")
    try:
        rule = payload[8:8 + rule_length].decode()
        text = payload[8 + rule_length:].decode()
    except UnicodeDecodeError:
        raise WireError(25, "a refusal is not UTF-8") from None
    return Refusal(Reason(reason), rule, text)


def decode_gap(completion: Completion) -> int:
    """Events, or bytes of a console, that were lost at this place."""
    if len(completion.payload) != 8:
        raise WireError(37, "a gap has a payload of 8 bytes")
    lost: int = struct.unpack("<Q", completion.payload)[0]
    if lost == 0:
        raise WireError(37, "a gap of nothing")
    return lost


# The end


@dataclasses.dataclass(frozen=True)
class SessionError:
    code: int
    rule: int
    #: Index of the entry to blame in its frame; None for none.
    entry: Optional[int]
    text: str


def decode_error(payload: bytes) -> SessionError:
    if len(payload) < 8 or len(payload) > 8 + _TEXT_LIMIT:
        raise WireError(27, f"an error of {len(payload)} bytes")
    code, rule, entry = struct.unpack_from("<HHI", payload)
    if not 1 <= code <= 12:
        raise WireError(27, f"error code {code} is unknown")
    try:
        text = payload[8:].decode()
    except UnicodeDecodeError:
        raise WireError(27, "the text of an error is not UTF-8") from None
    return SessionError(code, rule, None if entry == _NO_ENTRY else entry, text)


def decode_goodbye(payload: bytes) -> int:
    """0 done, 1 draining."""
    if len(payload) != 8 or any(payload[2:]) or payload[0] > 1 or payload[1]:
        raise WireError(28, "a goodbye that is none")
    return payload[0]


GOODBYE = frame(FrameType.GOODBYE, bytes(8))


def acknowledge(received: int) -> bytes:
    return frame(FrameType.ACKNOWLEDGE, struct.pack("<Q", received))
