"""Resources and drivers for labgrid (https://labgrid.readthedocs.io): consoles, digital outputs and I2C buses behind a
gateway. Where the gateway is, the environment says, as for ``ringctl``.

>>> imports: [ringgate.labgrid]
... targets:
...   main:
...     resources:
...       RingConsole: {device: board}
...       RingDigitalOutput: {device: relays, line: 3}
...     drivers:
...       RingConsoleDriver: {}
...       RingDigitalOutputDriver: {}

A driver that is activated leases its device where the site leases it, and waits for it so long (``wait``, seconds).
"""
# The classes of labgrid have no types; its factory reads those of the attributes at run time.
# mypy: disable-error-code="misc,no-untyped-call,no-untyped-def,import-untyped,import-not-found"
import contextlib
import errno
import time
from typing import Any

import attr
from labgrid.driver.common import Driver
from labgrid.driver.consoleexpectmixin import ConsoleExpectMixin
from labgrid.driver.exception import ExecutionError
from labgrid.factory import target_factory
from labgrid.protocol import ConsoleProtocol, DigitalOutputProtocol
from labgrid.resource.common import Resource
from labgrid.step import step
from pexpect import TIMEOUT

from . import wire
from .client import connect_from_environment
from .devices import Gpio, I2c
from .errors import DeviceError, Refused

_PIECE = 4096


@attr.s(eq=False)
class _RingDevice(Resource):
    #: The device's name in the gateway's policy.
    device: str = attr.ib(validator=attr.validators.instance_of(str))


@target_factory.reg_resource
@attr.s(eq=False)
class RingConsole(_RingDevice):
    """A serial line."""


@target_factory.reg_resource
@attr.s(eq=False)
class RingDigitalOutput(_RingDevice):
    """A line of a GPIO chip."""

    line: int = attr.ib(validator=attr.validators.instance_of(int))
    invert: bool = attr.ib(default=False, validator=attr.validators.instance_of(bool))


@target_factory.reg_resource
@attr.s(eq=False)
class RingI2cBus(_RingDevice):
    """An I2C bus."""


@attr.s(eq=False)
class _RingDriver(Driver):
    """Has its device open while it is active, on a connection of its own."""

    wait: float = attr.ib(default=600.0, validator=attr.validators.instance_of((int, float)))

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.file: Any = None
        self._held = contextlib.ExitStack()

    def on_activate(self):
        with contextlib.ExitStack() as stack:
            gateway = stack.enter_context(connect_from_environment())
            try:
                stack.enter_context(gateway.lease(self.port.device, wait=self.wait))
            except Refused as refused:
                # A device that nobody can lease is everybody's.
                if refused.reason != wire.Reason.SHAPE:
                    raise
            self.file = stack.enter_context(gateway.open(self.port.device))
            self._held = stack.pop_all()

    def on_deactivate(self):
        self.file = None
        self._held.close()


@target_factory.reg_driver
@attr.s(eq=False)
class RingConsoleDriver(ConsoleExpectMixin, _RingDriver, ConsoleProtocol):
    """labgrid's ConsoleProtocol."""

    bindings = {"port": RingConsole}
    txdelay: float = attr.ib(default=0.0, validator=attr.validators.instance_of(float))
    txchunk: int = attr.ib(default=1, validator=attr.validators.instance_of(int))

    def _read(self, size=1, timeout=0.0, max_size=None):
        """At least ``size`` bytes and at most ``max_size``, within ``timeout`` seconds."""
        until = time.monotonic() + timeout
        found = b""
        while len(found) < size:
            # A timeout of 0 would be none at all.
            left = max(1, int((until - time.monotonic()) * 1000))
            try:
                found += self.file.read(min(max_size - len(found), _PIECE) if max_size else _PIECE, timeout=left)
            except DeviceError as error:
                if error.errno != errno.ETIME:
                    raise
                break
        if not found:
            raise TIMEOUT(f"{self.port.device}: nothing came within {timeout:.2f} seconds")
        return found

    def _write(self, data):
        rest = bytes(data)
        while rest:
            rest = rest[self.file.write(rest[:_PIECE]):]
        return len(data)


@target_factory.reg_driver
@attr.s(eq=False)
class RingDigitalOutputDriver(_RingDriver, DigitalOutputProtocol):
    """labgrid's DigitalOutputProtocol. The line is taken with the first value, and is free again after the driver."""

    bindings = {"port": RingDigitalOutput}

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self._lines: Any = None

    def on_deactivate(self):
        self._lines = None
        super().on_deactivate()

    @Driver.check_active
    @step(args=["status"])
    def set(self, status):
        values = {self.port.line: bool(status) != self.port.invert}
        if self._lines is None:
            self._lines = self._held.enter_context(Gpio(self.file).outputs(values, consumer="labgrid"))
        else:
            self._lines.set(values)

    @Driver.check_active
    @step(result=True)
    def get(self):
        if self._lines is None:
            raise ExecutionError(f"line {self.port.line} of {self.port.device} is no output before it is set")
        return self._lines.values()[self.port.line] != self.port.invert


@target_factory.reg_driver
@attr.s(eq=False)
class RingI2cDriver(_RingDriver):
    """Transfers on an I2C bus; labgrid has no protocol for them."""

    bindings = {"port": RingI2cBus}

    @Driver.check_active
    @step(args=["address", "write", "read"], result=True)
    def transfer(self, address, write=b"", read=0):
        """As ``ringgate.devices.I2c.transfer``."""
        return I2c(self.file).transfer(address, write, read)
