"""Client of the Ringgate gateway, from the standard library alone.

>>> with ringgate.connect("gateway.example", 7450, "ci.crt", "ci.key", "ca.crt") as gateway:
...     with gateway.open("board") as board:
...         board.command("TIOCGWINSZ")["ws_row"]
"""
from .client import Client, connect, connect_from_environment
from .device import Device, Reply
from .errors import Denied, DeviceError, Disconnected, OutcomeUnknown, Refused, RingError, SessionEnded
from .fields import ArgumentError
from .wire import Completion, Entry, EntryFlags, Features, Operation, Reason, WireError

__all__ = [
    "ArgumentError", "Client", "Completion", "Denied", "Device", "DeviceError", "Disconnected", "Entry", "EntryFlags",
    "Features", "Operation", "OutcomeUnknown", "Reason", "Refused", "Reply", "RingError", "SessionEnded", "WireError",
    "connect", "connect_from_environment",
]
__version__ = "0.1.0"
