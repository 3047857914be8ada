"""What devices are asked and answer, written to a file that a gateway can replay (docs/recording.md)."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional

from . import wire

#: Environment variable with the file's path; ``ringctl record`` sets it.
VARIABLE = "RINGGATE_RECORD"
_HEAD = {"recording": "ringgate", "version": 1}
_NAMES: Dict[int, str] = {
    wire.Operation.COMMAND: "command", wire.Operation.WRITE: "write", wire.Operation.READ: "read",
    wire.Operation.SYNC: "sync"}


class Recorder:
    """Each step goes to the end of the file with one write, so that several programs may record into the same."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.lseek(self._file, 0, os.SEEK_END) == 0:
            self._write(_HEAD)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def note(self, device: str, entry: wire.Entry, completion: wire.Completion) -> None:
        """An entry that was answered. What the gateway itself refused no device has seen."""
        name = _NAMES.get(entry.operation)
        if name is None or completion.flags & wire.CompletionFlags.REFUSED:
            return
        if name == "read" and entry.offset == wire.OWN_POSITION:
            return self.hear(device, completion.payload)
        step: Dict[str, Any] = {"device": device, "operation": name, "result": completion.result}
        if name == "command":
            step["code"] = entry.sub_opcode
        if name == "read":
            step["count"] = int.from_bytes(entry.argument[:4], "little")
        elif name != "sync":
            step["argument"] = entry.argument.hex()
        has_position = name in ("read", "write") or entry.offset != 0
        if has_position and entry.offset != wire.OWN_POSITION:
            step["offset"] = entry.offset
        if completion.payload:
            step["reply"] = completion.payload.hex()
        if completion.engine != "gateway":
            step["engine"] = completion.engine
        if completion.device_time:
            step["nanoseconds"] = completion.device_time
        self._write(step)

    def hear(self, device: str, data: bytes) -> None:
        """The device has said something by itself."""
        if data:
            self._write({"device": device, "input": data.hex()})

    def _write(self, line: Dict[str, Any]) -> None:
        os.write(self._file, json.dumps(line, separators=(",", ":"), sort_keys=True).encode() + b"\n")


def from_environment() -> Optional[Recorder]:
    path = os.environ.get(VARIABLE, "")
    return Recorder(path) if path else None
