"""`ringctl console --rfc2217` with a program that knows nothing of the gateway: pyserial."""
import fcntl
import importlib.util
import os
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time
import unittest

from . import site

HAS_PYSERIAL = importlib.util.find_spec("serial") is not None


class Served:
    """A console at a port of its own, ended with the block."""

    def __init__(self, one, *served):
        self.words = [
            pathlib.Path(site.GATEWAY).with_name("ringctl"), "console", "line", *served, "--host", f"127.0.0.1:{one.port}", "--cert", one.folder / "agent.crt", "--key", one.folder / "agent.key",
            "--ca", one.folder / "ca.crt"]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.first = self.process.stderr.readline()
        self.said = []
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr))
        self.reader.start()
        return self

    @property
    def port(self):
        return int(self.first.rsplit(":", 1)[1])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.reader.join(60)
        self.process.stderr.close()


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
@unittest.skipUnless(HAS_PYSERIAL, "skipped: pyserial is not installed")
class NetworkPort(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = site.Site()
        cls.site.__enter__()
        cls.served = Served(cls.site, "--rfc2217", "127.0.0.1:0")
        cls.served.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.served.__exit__()
        cls.site.__exit__()

    def connect(self, options="", **words):
        import serial
        return serial.serial_for_url(
            f"rfc2217://127.0.0.1:{self.served.port}?timeout=60{options}", timeout=60, **words)

    def from_board(self, count):
        found = b""
        while len(found) < count and select.select([self.site.master], [], [], 60)[0]:
            found += os.read(self.site.master, count - len(found))
        return found

    def test_every_byte_goes_both_ways(self):
        every = bytes(range(256))
        with self.connect(baudrate=115200) as port:
            port.write(every)
            self.assertEqual(self.from_board(256), every)
            os.write(self.site.master, every)
            self.assertEqual(port.read(256), every)

    def speed(self):
        """c_ospeed of struct termios2, by TCGETS2: asm-generic/termbits.h."""
        return struct.unpack("<40xI", fcntl.ioctl(self.site.slave, 0x802C542A, bytes(44)))[0]

    def test_the_speed_is_set_at_the_line_and_put_back(self):
        before = self.speed()
        for speed in (9600, 250_000):
            with self.connect(baudrate=speed):
                self.assertEqual(self.speed(), speed)
        until = time.monotonic() + 60
        while self.speed() != before and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.speed(), before)

    def test_what_the_line_cannot_do_is_not_claimed(self):
        with self.connect(baudrate=115200) as port:
            # A pseudo-terminal has 8 bits always, and no line to drop.
            with self.assertRaisesRegex(ValueError, "rejected"):
                port.bytesize = 7
        with self.connect(baudrate=115200) as port:
            with self.assertRaisesRegex(ValueError, "rejected"):
                port.dtr = False
        with self.connect(baudrate=115200) as port:
            port.write(b"y")
            self.assertEqual(self.from_board(1), b"y")

    def test_a_request_may_come_byte_by_byte(self):
        with socket.create_connection(("127.0.0.1", self.served.port), 60) as peer:
            for byte in b"\xff\xfa\x2c\x01" + (9600).to_bytes(4, "big") + b"\xff\xf0x\xff\xffy":
                peer.sendall(bytes([byte]))
            self.assertEqual(self.from_board(3), b"x\xffy")
            heard = b""
            while not heard.endswith(b"\xff\xf0"):
                heard += peer.recv(64)
            self.assertTrue(heard.endswith(b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0"), heard)

    def test_garbage_ends_nothing(self):
        escape = b"\xff"
        for garbage in (
            escape + b"\xfa\x2c\x01" + escape + b"\xf0",  # a speed without its bytes
            escape + b"\xfa\x2c\x05\x63" + escape + b"\xf0",  # no such control
            escape + b"\xfa" + b"\x2c" * 100_000 + escape + b"\xf0",
            (escape + b"\xfd\x63") * 500,  # do what nobody knows
            escape + b"\xfa\x2c\x01",  # never ended
            escape,
        ):
            with socket.create_connection(("127.0.0.1", self.served.port), 60) as peer:
                peer.sendall(garbage)
                self.assertEqual(peer.recv(3), b"\xff\xfb\x00")
        with self.connect(baudrate=115200) as port:
            port.write(b"z")
            self.assertEqual(self.from_board(1), b"z")
        self.assertIsNone(self.served.process.poll())


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
class Link(unittest.TestCase):
    """`ringctl console --pty` with programs that open a serial line of this machine."""

    def setUp(self):
        self.site = site.Site()
        self.site.__enter__()
        self.addCleanup(self.site.__exit__)
        self.link = str(self.site.folder / "tty")
        served = Served(self.site, "--pty", self.link)
        served.__enter__()
        self.addCleanup(served.__exit__)
        until = time.monotonic() + 60
        while not os.path.exists(self.link):
            self.assertLess(time.monotonic(), until, served.first)
            time.sleep(0.02)

    def heard(self, count):
        found = b""
        while len(found) < count and select.select([self.site.master], [], [], 60)[0]:
            found += os.read(self.site.master, count - len(found))
        return found

    @unittest.skipUnless(HAS_PYSERIAL, "skipped: pyserial is not installed")
    def test_pyserial_opens_it(self):
        import serial
        with serial.Serial(self.link, 9600, timeout=60) as port:
            port.write(b"version\r")
            self.assertEqual(self.heard(8), b"version\r")
            os.write(self.site.master, b"1.4.2")
            self.assertEqual(port.read(5), b"1.4.2")


if __name__ == "__main__":
    unittest.main()
