"""A client that blocks: for scripts, tests and shells. One thread at a time uses a connection."""
from __future__ import annotations

import collections
import contextlib
import json
import os
import select
import socket
import ssl
import time
import warnings
from types import TracebackType
from typing import Any, Deque, Dict, Iterator, List, Optional, Sequence, Tuple, Type, Union

from . import agent, common, recording, wire
from .device import Device
from .errors import Disconnected, OutcomeUnknown, RingError, check

_TRY_AGAIN = 0.1
#: Calls that a client remembers.
_HISTORY = 50


class Client(common.SharedClient[Device]):
    """A connection with its session.

    A lost connection is taken up again within the gateway's grace, and nothing runs twice. When that cannot be, calls raise
    ``OutcomeUnknown`` and the client is closed: files and leases are gone with the session.
    """

    def __init__(
        self, host: str, port: int, cert: str, key: str, ca: str, *, server_name: Optional[str] = None,
        deadline: float = 10.0, reconnect: float = 30.0,
    ) -> None:
        """``cert``, ``key``, ``ca``: paths of PEM files. ``deadline`` for connecting and ``reconnect`` for coming back in seconds."""
        super().__init__()
        self._address, self._server_name = (host, port), server_name or host
        self._deadline, self._reconnect = deadline, reconnect
        self._context = common.tls_context(cert, key, ca)
        self._socket: Optional[ssl.SSLSocket] = None
        #: The last calls, oldest first: what was asked, and what became of it.
        self.history: Deque[Tuple[str, str]] = collections.deque(maxlen=_HISTORY)
        self._answers: Dict[int, List[wire.Completion]] = {}
        self._connect(time.monotonic() + deadline)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    # Connection

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    def _connect(self, until: float) -> None:
        opened = socket.create_connection(self._address, max(0.1, until - time.monotonic()))
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened = tls = self._context.wrap_socket(opened, server_hostname=self._server_name)
            tls.sendall(self._session.hello())
            again: Optional[bytes] = None
            while again is None:
                tls.settimeout(max(0.1, until - time.monotonic()))
                data = tls.recv(65536)
                if not data:
                    raise Disconnected("the gateway closed the connection before its welcome")
                again = self._session.receive_welcome(data)
            tls.settimeout(None)
            if again:
                tls.sendall(again)
        except BaseException:
            opened.close()
            raise
        self._socket = tls

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _come_back(self, cause: BaseException) -> None:
        """Takes the session up again on a new connection, or says that it is lost."""
        self._drop()
        welcome = self._session.welcome
        assert welcome is not None
        until = time.monotonic() + min(self._reconnect, welcome.grace / 1000)
        while True:
            try:
                return self._connect(until)
            except OutcomeUnknown:
                self._devices.clear()
                self._answers.clear()
                raise
            except RingError as error:
                if not isinstance(error, Disconnected) or time.monotonic() >= until:
                    raise
            except OSError as error:
                if time.monotonic() >= until:
                    raise OutcomeUnknown(f"the connection is lost: {cause}; then {error}") from cause
            time.sleep(_TRY_AGAIN)

    def _send(self, data: bytes) -> None:
        if self._socket is None:
            raise Disconnected("the client is closed")
        try:
            self._socket.sendall(data)
        except OSError as error:
            self._come_back(error)

    def _receive(self, timeout: Optional[float] = None) -> bool:
        """Takes what comes next. False when nothing has come in time."""
        if self._socket is None:
            raise Disconnected("the client is closed")
        if timeout is not None and not self._socket.pending():
            if not select.select([self._socket], [], [], timeout)[0]:
                return False
        try:
            data = self._socket.recv(262144)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError as error:
            self._come_back(error)
            return True
        if not data:
            self._come_back(Disconnected("the gateway closed the connection"))
            return True
        for completion in self._session.receive(data):
            self._answers.setdefault(completion.request, []).append(completion)
        if self._session.owes_acknowledgement:
            self._send(self._session.acknowledge())
        return True

    def close(self) -> None:
        """Says goodbye; the gateway closes what is open."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError, RingError):
            for number, is_stream in list(self._session.unanswered().items()):
                if is_stream:
                    self._session_cancel(number)
            self._socket.sendall(wire.GOODBYE)
            until = time.monotonic() + 1
            while not self._session.is_over and time.monotonic() < until:
                if not select.select([self._socket], [], [], 0.1)[0] and not self._socket.pending():
                    continue
                data = self._socket.recv(65536)
                if not data:
                    break
                self._session.receive(data)
        self._drop()
        self._devices.clear()
        if self.recorder is not None:
            self.recorder.close()

    def _session_cancel(self, number: int) -> None:
        assert self._socket is not None
        _, data = self._session.submit([common.cancel(number)])
        self._socket.sendall(data)

    # Calls

    def submit(self, entries: Sequence[wire.Entry]) -> List[wire.Completion]:
        """Runs entries, pipelined, and gives their completions in the order of the entries. Refusals are completions, not errors.

        A chain must not be longer than a frame; its members with ``SKIP_SUCCESS`` have no completion and are left out.
        """
        ids: List[int] = []
        position = 0
        while position < len(entries):
            count = self._frame_length(entries, position)
            while self._session.room < count:
                self._receive()
            numbers, data = self._session.submit(entries[position:position + count])
            ids += [
                number for number, entry in zip(numbers, entries[position:])
                if not entry.flags & wire.EntryFlags.SKIP_SUCCESS]
            position += count
            self._send(data)
        completions = [self._answer(number) for number in ids]
        self._record([entry for entry in entries if not entry.flags & wire.EntryFlags.SKIP_SUCCESS], completions)
        return completions

    @staticmethod
    def _frame_length(entries: Sequence[wire.Entry], start: int) -> int:
        """As many as go into one frame, without cutting a chain."""
        count, size, good = 0, 0, 0
        for entry in entries[start:start + wire.ENTRIES_PER_FRAME // 4]:
            size += wire.ENTRY_HEADER.size + len(entry.argument) + 8
            if good and size > wire.PAYLOAD_LIMIT:
                break
            count += 1
            if not entry.joins_next:
                good = count
        return good or count

    def _answer(self, number: int) -> wire.Completion:
        while True:
            answers = self._answers.get(number)
            if answers:
                last = answers.pop(0)
                if not answers:
                    del self._answers[number]
                if not last.has_more:
                    return last
            else:
                self._receive()

    def call(self, entry: wire.Entry, what: str) -> wire.Completion:
        """Runs one entry; raises what a failure means."""
        try:
            completion = check(self.submit([entry])[0], what)
        except (RingError, OSError) as error:
            self.history.append((what, str(error)))
            raise
        self.history.append((what, f"result {completion.result}"))
        return completion

    def events(self, entry: wire.Entry, credit: int, what: str) -> Iterator[bytes]:
        """The payloads of a stream's events. The stream is cancelled when the iteration ends."""
        while self._session.room < 2:
            self._receive()
        (number,), data = self._session.submit([entry])
        self._send(data)
        taken = 0
        is_running = True
        try:
            while True:
                answers = self._answers.get(number)
                if not answers:
                    self._receive()
                    continue
                completion = answers.pop(0)
                if not completion.has_more:
                    is_running = False
                    check(completion, what)
                    return
                if completion.flags & wire.CompletionFlags.GAP:
                    continue
                taken += 1
                if taken >= max(1, credit // 2):
                    self.submit([common.grant(number, taken)])
                    taken = 0
                self._record_event(entry, completion.payload)
                yield completion.payload
        finally:
            if is_running and self.is_connected:
                self.submit([common.cancel(number)])
                self._answer(number)
            self._answers.pop(number, None)

    # Devices

    def devices(self) -> List[Dict[str, Any]]:
        """The devices that this client may open: name, profile, labels."""
        payload = self.call(wire.Entry(wire.Operation.LIST), "list").payload
        found: List[Dict[str, Any]] = json.loads(payload)["devices"]
        return found

    def describe(self, name: str) -> Dict[str, Any]:
        found: Dict[str, Any] = json.loads(self.call(common.describe(name), f"describe {name}").payload)
        return found

    def open(self, name: str, timeout: int = 0, epoch: int = 0) -> Device:
        """Opens a device of the policy. ``epoch`` of a lease: refused when somebody else has had it since."""
        slot = self.free_slot()
        self.call(common.open_file(slot, name, epoch, timeout), f"open {name}")
        device = Device(self, name, slot)
        self.adopt(device)
        return device

    def close_device(self, device: Device) -> None:
        if self._devices.get(device.slot) is device:
            self.call(common.close_file(device.slot), f"close {device.name}")
            self.forget(device)

    def trace(self, traceparent: str) -> None:
        """What is sent from now on belongs to this W3C trace; ``""`` for none. The gateway's logs have it."""
        self.call(common.context(traceparent), "context")

    # Leases

    @contextlib.contextmanager
    def lease(
        self, *names: str, mode: str = "exclusive", ttl: Optional[float] = None, wait: float = 0.0
    ) -> Iterator[Dict[str, Any]]:
        """Has devices for itself while the block runs. ``ttl`` and ``wait`` in seconds; the reply has their epochs."""
        document: Dict[str, Any] = {"devices": list(names), "mode": mode, "wait": int(wait * 1000)}
        if ttl is not None:
            document["ttl"] = int(ttl * 1000)
        reply = self._lease(1, document)
        try:
            yield reply
        finally:
            if self.is_connected:
                self._lease(3, {"lease": reply["lease"]})

    def renew(self, lease: int, ttl: float) -> float:
        """Seconds that are left now."""
        return float(self._lease(2, {"lease": lease, "ttl": int(ttl * 1000)})["ttl"]) / 1000

    def standings(self, *names: str) -> List[Dict[str, Any]]:
        """Who has these devices, and how many wait for each: docs/protocol.md, STANDING."""
        found: List[Dict[str, Any]] = []
        for start in range(0, len(names), 16):
            found += self._lease(6, {"devices": names[start:start + 16]})["devices"]
        return found

    def _lease(self, verb: int, document: Dict[str, Any]) -> Dict[str, Any]:
        entry = wire.Entry(wire.Operation.LEASE, sub_opcode=verb, argument=json.dumps(document).encode())
        payload = self.call(entry, "lease").payload
        found: Dict[str, Any] = json.loads(payload) if payload else {}
        return found

    # Administration

    def administer(self, command: str, document: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """A command of ``@gateway`` (docs/administration.md), such as ``session.list``."""
        with self.open("@gateway") as gateway:
            one = common.find_command(gateway.description, gateway.name, command)
            argument = json.dumps(document or {}).encode()
            payload = gateway.raw_command(one["code"], argument).payload
            found: Dict[str, Any] = json.loads(payload)
            return found


def connect(
    host: str, port: int, cert: str, key: str, ca: str, **options: Union[None, str, float]
) -> Client:
    """Connects; see ``Client`` for the options."""
    return Client(host, port, cert, key, ca, **options)  # type: ignore[arg-type]


def connect_from_environment(**options: Union[None, str, float]) -> Client:
    """Connects as ``ringctl`` does: ``RINGGATE_HOST`` (HOST:PORT), ``RINGGATE_CERT``, ``RINGGATE_KEY``, ``RINGGATE_CA``.

    Below ``ringctl lease acquire`` the session gets a share of that lease (``RINGGATE_LEASE_AGENT``). With ``TRACEPARENT`` set,
    the session belongs to that trace (``Client.trace``); one that is no W3C traceparent is left out with a warning.
    Below ``ringctl record`` (``RINGGATE_RECORD``) what devices are asked and answer is written down.
    """
    values = {name: os.environ.get(f"RINGGATE_{name}", "") for name in ("HOST", "CERT", "KEY", "CA")}
    missing = ", ".join(f"RINGGATE_{name}" for name, value in values.items() if not value)
    if missing:
        raise ValueError(f"not set: {missing}")
    host, mark, port = values["HOST"].rpartition(":")
    if not mark or not port.isdigit():
        raise ValueError(f"RINGGATE_HOST: `{values['HOST']}` is no HOST:PORT")
    client = connect(host.strip("[]"), int(port), values["CERT"], values["KEY"], values["CA"], **options)
    client.recorder = recording.from_environment()
    holder, traceparent = agent.path_from_environment(), os.environ.get("TRACEPARENT", "")
    try:
        if holder:
            agent.join(holder, client.session, client.epoch)
        if traceparent and not common.is_traceparent(traceparent):
            warnings.warn(f"TRACEPARENT is left out: {traceparent!r} is no W3C traceparent", stacklevel=2)
        elif traceparent and client.features & wire.Features.TRACE_CONTEXT:
            client.trace(traceparent)
    except BaseException:
        client.close()
        raise
    return client
