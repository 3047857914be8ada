"""What the client that blocks and the one for asyncio have in common: TLS, slots, and the entries of their calls."""
from __future__ import annotations

import re
import ssl
import struct
from typing import Any, Dict, Generic, Mapping, Optional, Protocol, Sequence, TypeVar

from . import recording, wire
from .errors import RingError
from .session import Session


class _File(Protocol):
    name: str
    slot: int


File = TypeVar("File", bound=_File)


class SharedClient(Generic[File]):
    """A session and its open files."""

    def __init__(self) -> None:
        self._session = Session()
        self._devices: Dict[int, File] = {}
        #: Writes down what devices are asked and answer; none unless it is set.
        self.recorder: Optional[recording.Recorder] = None

    @property
    def session(self) -> int:
        """The session's number, as logs and ``ringctl explain`` have it."""
        assert self._session.welcome is not None
        return self._session.welcome.session

    @property
    def epoch(self) -> int:
        """The gateway's number of this run of it: sessions and leases of another epoch are gone."""
        assert self._session.welcome is not None
        return self._session.welcome.epoch

    @property
    def features(self) -> wire.Features:
        """What the gateway has granted."""
        assert self._session.welcome is not None
        return wire.Features(self._session.welcome.features)

    def _recorded_device(self, slot: int) -> Optional[str]:
        """A file that a command gave is its device's; the gateway itself is none."""
        device = self._devices.get(slot)
        name = device.name.split("/")[0] if device is not None else "@"
        return None if name.startswith("@") else name

    def _record(self, entries: Sequence[wire.Entry], completions: Sequence[wire.Completion]) -> None:
        """``entries`` without those that have no completion."""
        if self.recorder is None:
            return
        for entry, completion in zip(entries, completions):
            device = self._recorded_device(entry.slot)
            if device is not None:
                self.recorder.note(device, entry, completion)

    def _record_event(self, entry: wire.Entry, payload: bytes) -> None:
        device = self._recorded_device(entry.slot)
        if self.recorder is not None and device is not None and entry.operation == wire.Operation.READ:
            self.recorder.hear(device, payload)

    def free_slot(self) -> int:
        assert self._session.welcome is not None
        for slot in range(self._session.welcome.slots):
            if slot not in self._devices:
                return slot
        raise RingError("all slots of the session are in use")

    def adopt(self, device: File) -> None:
        """The device has its slot from now on."""
        self._devices[device.slot] = device

    def forget(self, device: File) -> None:
        """The slot is free again, and those of the files that the device gave."""
        for slot, other in list(self._devices.items()):
            if other is device or other.name.startswith(device.name + "/"):
                del self._devices[slot]


def tls_context(cert: str, key: str, ca: str) -> ssl.SSLContext:
    """TLS 1.3 with our certificate; the gateway's is verified (R-1)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols([wire.ALPN])
    context.load_verify_locations(ca)
    context.load_cert_chain(cert, key)
    return context


def find_command(description: Mapping[str, Any], device: str, name: str) -> Mapping[str, Any]:
    """A command by its name; says which there are when there is none."""
    commands = description["commands"]
    found: Optional[Mapping[str, Any]] = next((one for one in commands if one["name"] == name), None)
    if found is None:
        known = ", ".join(one["name"] for one in commands) or "none"
        raise ValueError(f"{device} has no command {name}, or it is not allowed; allowed: {known}")
    return found


def handle_of(description: Mapping[str, Any], profile: str) -> Optional[Dict[str, Any]]:
    """The description of the files with this profile that commands give."""
    return next((one for one in description.get("handles", []) if one["profile"] == profile), None)


# Entries


def read(slot: int, count: int, offset: int, timeout: int) -> wire.Entry:
    argument = struct.pack("<II", count, 0)
    return wire.Entry(wire.Operation.READ, slot, offset=offset, argument=argument, timeout=timeout)


def read_stream(slot: int, count: int, credit: int) -> wire.Entry:
    argument = struct.pack("<II", count, credit)
    flags = wire.EntryFlags.MULTISHOT
    return wire.Entry(wire.Operation.READ, slot, offset=wire.OWN_POSITION, argument=argument, flags=flags)


def write(slot: int, data: bytes, offset: int, timeout: int) -> wire.Entry:
    return wire.Entry(wire.Operation.WRITE, slot, offset=offset, argument=bytes(data), timeout=timeout)


def command(slot: int, code: int, argument: bytes, timeout: int, into: int = 0) -> wire.Entry:
    return wire.Entry(wire.Operation.COMMAND, slot, code, into, argument, timeout=timeout)


def open_file(slot: int, name: str, epoch: int, timeout: int) -> wire.Entry:
    return wire.Entry(wire.Operation.OPEN, slot, offset=epoch, argument=name.encode(), timeout=timeout)


def close_file(slot: int) -> wire.Entry:
    return wire.Entry(wire.Operation.CLOSE, slot)


def describe(name: str) -> wire.Entry:
    return wire.Entry(wire.Operation.DESCRIBE, argument=name.encode())


def cancel(request: int) -> wire.Entry:
    return wire.Entry(wire.Operation.CANCEL, offset=request)


_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(text: str) -> bool:
    """Whether R-40 holds."""
    return _TRACEPARENT.fullmatch(text) is not None


def context(traceparent: str) -> wire.Entry:
    return wire.Entry(wire.Operation.CONTEXT, argument=traceparent.encode())


def grant(request: int, events: int) -> wire.Entry:
    return wire.Entry(wire.Operation.CREDIT, sub_opcode=events, offset=request)
