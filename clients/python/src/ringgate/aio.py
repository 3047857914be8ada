"""A client for asyncio: any number of tasks share a connection.

>>> async with await ringgate.aio.connect("gateway.example", 7450, "ci.crt", "ci.key", "ca.crt") as gateway:
...     async with await gateway.open("board") as board:
...         (await board.command("TIOCGWINSZ"))["ws_row"]
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from typing import Any, AsyncGenerator, Dict, List, Optional, Sequence, Union

from . import arguments, common, wire
from .device import Reply
from .errors import Disconnected, OutcomeUnknown, RingError, check

_TRY_AGAIN = 0.1


class Device:
    """An open file of a device."""

    def __init__(self, client: "Client", name: str, slot: int, description: Optional[Dict[str, Any]] = None) -> None:
        self.client, self.name, self.slot = client, name, slot
        self._description = description

    async def __aenter__(self) -> "Device":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.client.is_connected:
            await self.close()

    async def description(self) -> Dict[str, Any]:
        """What may be done with it (``describe``)."""
        if self._description is None:
            self._description = await self.client.describe(self.name)
        return self._description

    async def read(self, count: int, offset: int = wire.OWN_POSITION, timeout: int = 0) -> bytes:
        """At most ``count`` bytes; empty at the end of the file. ``timeout`` in milliseconds."""
        entry = common.read(self.slot, count, offset, timeout)
        return (await self.client.call(entry, f"read {self.name}")).payload

    async def write(self, data: bytes, offset: int = wire.OWN_POSITION, timeout: int = 0) -> int:
        """How many bytes were written, which may be fewer than there are."""
        entry = common.write(self.slot, data, offset, timeout)
        return (await self.client.call(entry, f"write {self.name}")).result

    async def command(self, name: str, timeout: int = 0, into: Optional[int] = None, **values: Any) -> Reply:
        """A command by its name in the description, with values for its fields."""
        description = await self.description()
        command = common.find_command(description, self.name, name)
        packed = arguments.pack(command, values)
        device = None
        if "gives" in command:
            given = common.handle_of(description, command["gives"])
            slot = self.client.free_slot() if into is None else into
            device = Device(self.client, f"{self.name}/{command['gives']}", slot, given)
            self.client.adopt(device)
        into = device.slot if device else 0
        entry = common.command(self.slot, packed.code, packed.argument, timeout, into)
        try:
            completion = await self.client.call(entry, f"{name} on {self.name}")
        except RingError:
            if device is not None:
                self.client.forget(device)
            raise
        return Reply(completion, arguments.unpack(packed, completion.payload), device)

    async def raw_command(self, code: int, argument: bytes = b"", timeout: int = 0) -> wire.Completion:
        """A command by its code with the bytes of its argument."""
        entry = common.command(self.slot, code, argument, timeout)
        return await self.client.call(entry, f"{code:#x} on {self.name}")

    async def stream(self, count: int, credit: int = 16) -> AsyncGenerator[bytes, None]:
        """What comes, read by read, until the end of the file or until the iteration ends."""
        entry = common.read_stream(self.slot, count, credit)
        events = self.client.events(entry, credit, f"stream of {self.name}")
        try:
            async for payload in events:
                yield payload
        finally:
            await events.aclose()

    async def close(self) -> None:
        await self.client.close_device(self)


class Client(common.SharedClient[Device]):
    """A connection with its session; made by ``connect``."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, server_name: str, reconnect: float) -> None:
        super().__init__()
        self._address, self._context, self._server_name = (host, port), context, server_name
        self._reconnect = reconnect
        self._reader: Optional[asyncio.StreamReader] = None
        self._writer: Optional[asyncio.StreamWriter] = None
        self._task: Optional["asyncio.Task[None]"] = None
        self._waiting: Dict[int, "asyncio.Future[wire.Completion]"] = {}
        self._events: Dict[int, "asyncio.Queue[Union[wire.Completion, RingError]]"] = {}
        self._has_room = asyncio.Event()

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def is_connected(self) -> bool:
        return self._writer is not None

    # Connection

    async def _connect(self) -> None:
        reader, writer = await asyncio.open_connection(
            *self._address, ssl=self._context, server_hostname=self._server_name)
        try:
            writer.write(self._session.hello())
            again: Optional[bytes] = None
            while again is None:
                data = await reader.read(65536)
                if not data:
                    raise Disconnected("the gateway closed the connection before its welcome")
                again = self._session.receive_welcome(data)
            writer.write(again)
        except BaseException:
            writer.transport.abort()
            raise
        self._reader, self._writer = reader, writer

    async def start(self, deadline: float) -> None:
        await asyncio.wait_for(self._connect(), deadline)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Takes what comes; comes back when the connection is lost."""
        try:
            while True:
                assert self._reader is not None
                try:
                    data = await self._reader.read(262144)
                except OSError:
                    data = b""
                if self._session.is_over:
                    return
                if data:
                    self._take(data)
                else:
                    await self._come_back()
        except RingError as error:
            self._fail(error)
        finally:
            self._drop()

    def _take(self, data: bytes) -> None:
        for completion in self._session.receive(data):
            queue = self._events.get(completion.request)
            if queue is not None:
                queue.put_nowait(completion)
            future = self._waiting.pop(completion.request, None)
            if future is not None and not future.done():
                future.set_result(completion)
        self._has_room.set()
        if self._session.owes_acknowledgement and self._writer is not None:
            self._writer.write(self._session.acknowledge())

    async def _come_back(self) -> None:
        if self._writer is not None:
            # There is nobody to say goodbye to.
            self._writer.transport.abort()
        self._drop()
        welcome = self._session.welcome
        assert welcome is not None
        clock = asyncio.get_running_loop()
        until = clock.time() + min(self._reconnect, welcome.grace / 1000)
        while True:
            try:
                return await asyncio.wait_for(self._connect(), max(0.1, until - clock.time()))
            except (OSError, Disconnected, asyncio.TimeoutError) as error:
                if clock.time() >= until:
                    raise OutcomeUnknown(f"the connection is lost: {error}") from error
            await asyncio.sleep(_TRY_AGAIN)

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None

    def _fail(self, error: RingError) -> None:
        """Everything that waits ends with the error."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
        for queue in self._events.values():
            queue.put_nowait(error)
        self._waiting.clear()
        self._devices.clear()
        self._has_room.set()

    async def close(self) -> None:
        """Says goodbye; the gateway closes what is open."""
        writer = self._writer
        if self._writer is not None:
            for number, is_stream in self._session.unanswered().items():
                if is_stream:
                    _, data = self._session.submit([common.cancel(number)])
                    self._writer.write(data)
            self._writer.write(wire.GOODBYE)
        if self._task is not None:
            await asyncio.wait([self._task], timeout=1)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._fail(Disconnected("the client is closed"))
        if self.recorder is not None:
            self.recorder.close()
        if writer is not None:
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    # Calls

    async def submit(self, entries: Sequence[wire.Entry]) -> List[wire.Completion]:
        """Runs entries in one frame and gives their completions in the order of the entries. Refusals are completions, not errors.

        At most as many as a frame takes (1,024). Members of a chain with ``SKIP_SUCCESS`` have no completion and are left out.
        """
        ids = await self._submit(entries)
        futures = [
            self._waiting[number] for number, entry in zip(ids, entries)
            if not entry.flags & wire.EntryFlags.SKIP_SUCCESS]
        await self._flush()
        completions = list(await asyncio.gather(*futures))
        self._record([entry for entry in entries if not entry.flags & wire.EntryFlags.SKIP_SUCCESS], completions)
        return completions

    async def _submit(self, entries: Sequence[wire.Entry]) -> List[int]:
        while True:
            if self._task is None or self._task.done():
                raise Disconnected("the client is closed")
            if self._session.room >= len(entries):
                break
            self._has_room.clear()
            await self._has_room.wait()
        ids, data = self._session.submit(entries)
        loop = asyncio.get_running_loop()
        for number, entry in zip(ids, entries):
            if entry.flags & wire.EntryFlags.MULTISHOT:
                self._events[number] = asyncio.Queue()
            elif not entry.flags & wire.EntryFlags.SKIP_SUCCESS:
                self._waiting[number] = loop.create_future()
        # Without a connection the frame is sent again when there is one.
        if self._writer is not None:
            self._writer.write(data)
        return ids

    async def _flush(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                await self._writer.drain()

    async def call(self, entry: wire.Entry, what: str) -> wire.Completion:
        """Runs one entry; raises what a failure means."""
        return check((await self.submit([entry]))[0], what)

    async def events(self, entry: wire.Entry, credit: int, what: str) -> AsyncGenerator[bytes, None]:
        """The payloads of a stream's events. The stream is cancelled when the iteration ends."""
        (number,) = await self._submit([entry])
        queue = self._events[number]
        taken = 0
        is_running = True
        try:
            while True:
                completion = await queue.get()
                if isinstance(completion, RingError):
                    is_running = False
                    raise completion
                if not completion.has_more:
                    is_running = False
                    check(completion, what)
                    return
                if completion.flags & wire.CompletionFlags.GAP:
                    continue
                taken += 1
                if taken >= max(1, credit // 2):
                    await self.submit([common.grant(number, taken)])
                    taken = 0
                self._record_event(entry, completion.payload)
                yield completion.payload
        finally:
            if is_running and self.is_connected:
                await self.submit([common.cancel(number)])
            self._events.pop(number, None)

    # Devices

    async def devices(self) -> List[Dict[str, Any]]:
        """The devices that this client may open: name, profile, labels."""
        payload = (await self.call(wire.Entry(wire.Operation.LIST), "list")).payload
        found: List[Dict[str, Any]] = json.loads(payload)["devices"]
        return found

    async def describe(self, name: str) -> Dict[str, Any]:
        payload = (await self.call(common.describe(name), f"describe {name}")).payload
        found: Dict[str, Any] = json.loads(payload)
        return found

    async def open(self, name: str, timeout: int = 0, epoch: int = 0) -> Device:
        """Opens a device of the policy."""
        device = Device(self, name, self.free_slot())
        # Before anything is awaited, so that no other task takes the slot.
        self.adopt(device)
        try:
            await self.call(common.open_file(device.slot, name, epoch, timeout), f"open {name}")
        except RingError:
            self.forget(device)
            raise
        return device

    async def trace(self, traceparent: str) -> None:
        """What is sent from now on belongs to this W3C trace; ``""`` for none. The gateway's logs have it."""
        await self.call(common.context(traceparent), "context")

    async def close_device(self, device: Device) -> None:
        if self._devices.get(device.slot) is device:
            await self.call(common.close_file(device.slot), f"close {device.name}")
            self.forget(device)


async def connect(
    host: str, port: int, cert: str, key: str, ca: str, *, server_name: Optional[str] = None,
    deadline: float = 10.0, reconnect: float = 30.0,
) -> Client:
    """``cert``, ``key``, ``ca``: paths of PEM files. ``deadline`` for connecting and ``reconnect`` for coming back in seconds."""
    context = common.tls_context(cert, key, ca)
    client = Client(host, port, context, server_name or host, reconnect)
    await client.start(deadline)
    return client
