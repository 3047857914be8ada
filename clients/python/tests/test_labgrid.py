"""labgrid's own plugin for pytest, with a gateway behind it."""
import importlib.util
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import threading
import unittest

from . import site
from .test_serial import Served

HAS_LABGRID = importlib.util.find_spec("labgrid") is not None

PLACE = """
imports: [ringgate.labgrid]
targets:
  main:
    resources:
      RingConsole: {device: line}
    drivers:
      RingConsoleDriver: {}
  network:
    resources:
      NetworkSerialPort: {host: 127.0.0.1, port: @PORT@, protocol: rfc2217, speed: 115200}
    drivers:
      SerialDriver: {timeout: 60.0}
"""
SUITE = r"""
import pexpect
import pytest

def talk(console):
    console.sendline("version")
    _, before, match, _ = console.expect(r"firmware (\d+)", timeout=60)
    assert match.group(1) == b"7"
    with pytest.raises(pexpect.TIMEOUT):
        console.read(timeout=0.2)

def test_console(env):
    target = env.get_target("main")
    talk(target.get_driver("ConsoleProtocol"))
    target.deactivate(target.get_driver("ConsoleProtocol"))

def test_console_over_the_network(env):
    talk(env.get_target("network").get_driver("ConsoleProtocol"))
"""


class Board:
    """Answers each line that comes with its firmware."""

    def __init__(self, master):
        self.master, self.is_over = master, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over:
            if select.select([self.master], [], [], 0.1)[0] and b"\n" in os.read(self.master, 4096):
                os.write(self.master, b"board, firmware 7")

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
@unittest.skipUnless(HAS_LABGRID, "skipped: labgrid is not installed")
class Labgrid(unittest.TestCase):
    def test_consoles_in_a_suite_of_labgrid(self):
        with site.Site() as one, tempfile.TemporaryDirectory() as folder, Board(one.master), Served(one, "--rfc2217", "127.0.0.1:0") as served:
            (pathlib.Path(folder) / "test_suite.py").write_text(SUITE)
            place = pathlib.Path(folder) / "place.yaml"
            place.write_text(PLACE.replace("@PORT@", str(served.port)))
            run = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "--lg-env", place, folder],
                env=dict(os.environ, **one.environment()), capture_output=True, text=True, timeout=240)
            self.assertIn("2 passed", run.stdout, run.stdout + run.stderr)

    def test_outputs_and_buses_send_what_the_helpers_send(self):
        from labgrid import Target
        from labgrid.driver.exception import ExecutionError

        from ringgate import labgrid
        from ringgate.devices import Gpio

        from .test_devices import Described

        with site.Site() as one, one.connect() as gateway:
            target = Target("main")
            labgrid.RingDigitalOutput(target, name=None, device="chip", line=3, invert=True)
            labgrid.RingI2cBus(target, name=None, device="bus")
            output = labgrid.RingDigitalOutputDriver(target, name=None)
            bus = labgrid.RingI2cDriver(target, name=None)
            # The devices do not exist: only what would be sent to them is seen.
            for driver in (output, bus):
                driver.on_activate = lambda: None
                target.activate(driver)
            output.file, helper = (Described(gateway.describe("chip"), "chip", []) for _ in range(2))
            bus.file = Described(gateway.describe("bus"), "bus", [({"msgs.1.buf": b"\x12\x34"}, 0)])
            with self.assertRaisesRegex(ExecutionError, "before it is set"):
                output.get()
            output.set(False)
            output.set(True)
            # The line is inverted.
            lines = Gpio(helper).outputs({3: True}, consumer="labgrid")
            lines.set({3: False})
            self.assertEqual(output.file.sent, helper.sent)
            self.assertEqual(output._lines.device.sent, lines.device.sent)
            for bits, status in ((0, True), (1, False)):
                output._lines.device.answers = [({"bits": bits}, 0)]
                self.assertIs(output.get(), status)
            # What is not open cannot be closed.
            output._held.pop_all()
            self.assertEqual(bus.transfer(0x50, b"\x00", 2), b"\x12\x34")


if __name__ == "__main__":
    unittest.main()
