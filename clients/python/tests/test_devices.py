"""Helpers for classes of devices: a serial line for real, the others by what they send."""
import os
import pathlib
import select
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import ringgate
import ringgate.common
from ringgate import agent, arguments
from ringgate.devices import Gpio, I2c, Nvme, NvmeStatus, Spi, Tty

from . import site

RINGCTL = pathlib.Path(site.GATEWAY).with_name("ringctl") if site.GATEWAY else None


class Answer:
    def __init__(self, values, result, device):
        self.values, self.result, self.device = values, result, device

    def __getitem__(self, path):
        return self.values[path]


class Described(ringgate.Device):
    """A file that is not open: commands are built as they would be sent, and answered from a list."""

    def __init__(self, description, name, answers):
        super().__init__(None, name, 0, description)
        self.answers, self.sent = answers, []

    def command(self, name, timeout=0, into=None, **values):
        found = ringgate.common.find_command(self.description, self.name, name)
        self.sent.append((name, arguments.pack(found, values).argument))
        answered, result = self.answers.pop(0) if self.answers else ({}, 0)
        given = None
        if "gives" in found:
            handle = ringgate.common.handle_of(self.description, found["gives"])
            given = Described(handle, f"{self.name}/{found['gives']}", self.answers)
        return Answer(answered, result, given)


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
class Classes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = site.Site()
        cls.site.__enter__()
        cls.gateway = cls.site.connect()

    @classmethod
    def tearDownClass(cls):
        cls.gateway.close()
        cls.site.__exit__()

    def file(self, name, *answers):
        return Described(self.gateway.describe(name), name, list(answers))

    def test_a_serial_line(self):
        with self.gateway.open("line") as file:
            line = Tty(file)
            line.make_raw(9600, stop_bits=2)
            self.assertEqual(line.speed(), 9600)
            line.write(b"hello\n")
            self.assertTrue(select.select([self.site.master], [], [], 5)[0])
            self.assertEqual(os.read(self.site.master, 64), b"hello\n")
            os.write(self.site.master, b"boot\r\nlogin: ")
            self.assertEqual(line.expect(b"login:"), b"boot\r\nlogin: ")
            with self.assertRaises(ValueError):
                line.make_raw(9600, data_bits=9)

    def test_gpio_lines(self):
        file = self.file("chip", ({}, 0), ({"bits": 0b10}, 0))
        lines = Gpio(file).outputs({3: True, 5: False})
        name, argument = file.sent[0]
        self.assertEqual(name, "GPIO_V2_GET_LINE_IOCTL")
        # struct gpio_v2_line_request: offsets, consumer, config with flags, the number of attributes and the first of them.
        self.assertEqual(struct.unpack_from("<2I", argument), (3, 5))
        self.assertEqual(argument[256:264], b"ringgate")
        self.assertEqual(struct.unpack_from("<QI", argument, 288), (8, 1))
        self.assertEqual(struct.unpack_from("<I4xQQ", argument, 320), (2, 0b01, 0b11))
        self.assertEqual(struct.unpack_from("<I", argument, 560), (2,))
        self.assertEqual(lines.values(), {3: False, 5: True})
        lines.set({5: True})
        self.assertEqual(struct.unpack("<QQ", lines.device.sent[-1][1]), (0b10, 0b10))
        with self.assertRaises(ValueError):
            lines.set({4: True})
        edges = self.file("chip")
        Gpio(edges).inputs(4, edges="both")
        self.assertEqual(struct.unpack_from("<Q", edges.sent[0][1], 288), (0x4 | 0x10 | 0x20,))

    def test_i2c(self):
        file = self.file("bus", ({"msgs.1.buf": b"\xde\xad"}, 0), ({}, 0), ({"data": b"\x2a" + bytes(33)}, 0),
            ({"data": bytes(34)}, 0))
        bus = I2c(file)
        self.assertEqual(bus.transfer(0x50, b"\x00", 2), b"\xde\xad")
        bus.select(0x51)
        self.assertEqual(bus.read_byte(7), 0x2A)
        bus.write_word(1, 0x1234)
        self.assertEqual([name for name, _ in file.sent], ["I2C_RDWR", "I2C_SLAVE", "I2C_SMBUS", "I2C_SMBUS"])
        self.assertIn(b"\x34\x12", file.sent[-1][1])

    def test_spi(self):
        file = self.file("flash", ({"transfers.0.rx_buf": b"\xff", "transfers.1.rx_buf": b"\x01\x02"}, 0))
        self.assertEqual(Spi(file).transfer(b"\x9f", b"\x00\x00", speed=1_000_000), [b"\xff", b"\x01\x02"])
        self.assertIn(struct.pack("<I", 1_000_000), file.sent[0][1])

    def test_nvme(self):
        page = bytearray(4096)
        page[4:24], page[24:64], page[64:72] = b"S1".ljust(20), b"Disk".ljust(40), b"1.0".ljust(8)
        file = self.file("disk", ({"addr": bytes(page)}, 0), ({}, 0), ({}, 0x281))
        disk = Nvme(file)
        self.assertEqual(disk.identify(), {"serial": "S1", "model": "Disk", "firmware": "1.0"})
        disk.write(8, bytes(1024))
        with self.assertRaises(NvmeStatus) as caught:
            disk.read(7)
        self.assertEqual((caught.exception.value, len(file.sent[1][1]) > 1024), (0x281, True))
        for wrong in (b"", bytes(100)):
            with self.assertRaises(ValueError):
                disk.write(0, wrong)

    @unittest.skipUnless(RINGCTL and RINGCTL.exists(), "skipped: there is no ringctl beside the gateway")
    def test_a_program_below_lease_acquire_shares_the_lease(self):
        environment = dict(
            os.environ, RINGGATE_HOST=f"127.0.0.1:{self.site.port}", RINGGATE_CERT=str(self.site.folder / "agent.crt"),
            RINGGATE_KEY=str(self.site.folder / "agent.key"), RINGGATE_CA=str(self.site.folder / "ca.crt"),
            PYTHONPATH=os.pathsep.join(sys.path))
        program = (
            "import os, ringgate, socket\n"
            "with ringgate.connect_from_environment() as gateway, gateway.open('null') as null:\n"
            "    print(null.command('NULL_URING_CMD').result, os.environ['RINGGATE_DEVICES'])\n"
            # Said to be of another gateway: not shared with whoever has that number here.
            "with socket.socket(socket.AF_UNIX) as holder:\n"
            "    holder.connect(os.environ['RINGGATE_LEASE_AGENT'])\n"
            "    holder.sendall(b'1 2\\n')\n"
            "    print(holder.recv(64).decode(), end='')\n")
        run = subprocess.run(
            [RINGCTL, "lease", "acquire", "null", "--", sys.executable, "-c", program], env=environment,
            capture_output=True, text=True, timeout=60)
        self.assertEqual((run.returncode, run.stdout), (0, "0 null\nelsewhere\n"), run.stderr)


class Holder(unittest.TestCase):
    """The other side of the local socket, telling anything."""

    def ask(self, answer):
        import socket
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            path = f"{folder}/lease"
            listener.bind(path)
            listener.listen(1)

            def serve():
                peer, _ = listener.accept()
                with peer:
                    self.heard = peer.recv(64)
                    peer.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                agent.join(path, 12, 34)
            finally:
                thread.join()

    def test_ok_is_a_share(self):
        self.ask(b"ok\n")
        self.assertEqual(self.heard, b"12 34\n")

    def test_another_gateway_is_no_error(self):
        self.ask(b"elsewhere\n")

    def test_anything_else_is_an_error(self):
        for answer in (b"refused: no such session\n", b"", b"o"):
            with self.assertRaises(ringgate.RingError):
                self.ask(answer)
        with self.assertRaises(ringgate.RingError):
            agent.join("/nowhere/lease", 1, 2)


if __name__ == "__main__":
    unittest.main()
