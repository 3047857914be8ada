"""Open files of the client that blocks."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

from . import arguments, common, wire

if TYPE_CHECKING:
    from .client import Client


class Device:
    """An open file of a device. Closed by ``close``, with the connection, or by ``with``."""

    def __init__(self, client: "Client", name: str, slot: int, description: Optional[Dict[str, Any]] = None) -> None:
        self.client, self.name, self.slot = client, name, slot
        self._description = description

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        if self.client.is_connected:
            self.close()

    @property
    def description(self) -> Dict[str, Any]:
        """What may be done with it (``describe``)."""
        if self._description is None:
            self._description = self.client.describe(self.name)
        return self._description

    def read(self, count: int, offset: int = wire.OWN_POSITION, timeout: int = 0) -> bytes:
        """At most ``count`` bytes; empty at the end of the file. ``timeout`` in milliseconds."""
        entry = common.read(self.slot, count, offset, timeout)
        return self.client.call(entry, f"read {self.name}").payload

    def write(self, data: bytes, offset: int = wire.OWN_POSITION, timeout: int = 0) -> int:
        """How many bytes were written, which may be fewer than there are."""
        entry = common.write(self.slot, data, offset, timeout)
        return self.client.call(entry, f"write {self.name}").result

    def sync(self) -> None:
        self.client.call(wire.Entry(wire.Operation.SYNC, self.slot), f"sync {self.name}")

    def command(self, name: str, timeout: int = 0, into: Optional[int] = None, **values: Any) -> "Reply":
        """A command by its name in the description, with values for its fields.

        ``into`` is the slot for the file that the command gives; a free one is taken unless given.
        """
        command = common.find_command(self.description, self.name, name)
        packed = arguments.pack(command, values)
        offset = 0
        if "gives" in command:
            offset = self.client.free_slot() if into is None else into
        entry = common.command(self.slot, packed.code, packed.argument, timeout, into=offset)
        completion = self.client.call(entry, f"{name} on {self.name}")
        given = None
        if "gives" in command:
            given = self._given(command["gives"], offset)
        return Reply(completion, arguments.unpack(packed, completion.payload), given)

    def _given(self, profile: str, slot: int) -> "Device":
        device = Device(self.client, f"{self.name}/{profile}", slot, common.handle_of(self.description, profile))
        self.client.adopt(device)
        return device

    def raw_command(self, code: int, argument: bytes = b"", timeout: int = 0) -> wire.Completion:
        """A command by its code with the bytes of its argument."""
        entry = common.command(self.slot, code, argument, timeout)
        return self.client.call(entry, f"{code:#x} on {self.name}")

    def poll(self, events: int, timeout: int = 0) -> int:
        """Waits for one of the events of poll(2); those that hold."""
        entry = wire.Entry(wire.Operation.POLL, self.slot, events, timeout=timeout)
        return self.client.call(entry, f"poll {self.name}").result

    def stream(self, count: int, credit: int = 16) -> Iterator[bytes]:
        """What comes, read by read, until the end of the file or until the iteration ends.

        Where a shared console has dropped bytes, because this reader was too slow, nothing stands in their place.
        """
        entry = common.read_stream(self.slot, count, credit)
        yield from self.client.events(entry, credit, f"stream of {self.name}")

    def close(self) -> None:
        self.client.close_device(self)


class Reply:
    """What a command has answered: ``result``, ``values`` by path, and the ``device`` that it gave, if any.

    That is a ``Device``, of ``ringgate.aio`` when the client is one of those.
    """

    def __init__(self, completion: wire.Completion, values: Dict[str, Any], device: Any) -> None:
        self.completion, self.values, self.device = completion, values, device

    @property
    def result(self) -> int:
        return self.completion.result

    def __getitem__(self, path: str) -> Any:
        return self.values[path]
