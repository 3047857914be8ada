"""Against a real gateway: the path of its program is in RINGGATE_GATEWAY."""
import contextlib
import os
import select
import socket
import threading
import unittest

import ringgate
from ringgate import Entry, EntryFlags, Operation, wire

from . import site


class Proxy:
    """Between client and gateway; cuts the connection when it is told to."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        self.connections = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
                self.connections += 1
                self.pairs.append((client, server))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self.carry, args=pair, daemon=True).start()

    @staticmethod
    def carry(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)

    def cut(self):
        for pair in self.pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self.pairs.clear()

    def close(self):
        self.listener.close()
        self.cut()


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = site.Site()
        cls.site.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__()

    def heard(self, count):
        text = b""
        while len(text) < count and select.select([self.site.master], [], [], 5)[0]:
            text += os.read(self.site.master, 4096)
        return text

    def test_devices_and_descriptions(self):
        with self.site.connect() as gateway:
            self.assertEqual({one["name"] for one in gateway.devices()}, {"null", "random", "line", "chip", "bus", "flash", "disk", "@gateway"})
            names = [one["name"] for one in gateway.describe("line")["commands"]]
            self.assertEqual(sorted(names), ["TCGETS2", "TCSETSW2", "TIOCGWINSZ", "TIOCSWINSZ"])

    def test_commands_by_name(self):
        with self.site.connect() as gateway, gateway.open("line") as line:
            line.command("TIOCSWINSZ", ws_row=40, ws_col=100)
            reply = line.command("TIOCGWINSZ")
            self.assertEqual((reply["ws_row"], reply["ws_col"]), (40, 100))
            self.assertEqual(reply.completion.engine, "call")

    def test_what_is_denied_names_its_rule(self):
        with self.site.connect() as gateway, gateway.open("line") as line:
            with self.assertRaises(ringgate.Denied) as caught:
                line.command("TIOCSWINSZ", ws_row=400)
            self.assertEqual(caught.exception.rule, "type")
            with self.assertRaises(ringgate.Denied) as caught:
                line.raw_command(0x5412, b"A")
            self.assertEqual(caught.exception.rule, "never/TIOCSTI")
            with self.assertRaises(ValueError) as unknown:
                line.command("TIOCSTI")
            self.assertIn("TIOCGWINSZ", str(unknown.exception))
            with self.assertRaises(ringgate.ArgumentError):
                line.command("TIOCSWINSZ", ws_rows=4)

    def test_a_trace_tells_what_others_do_and_to_which_trace_it_belongs(self):
        context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with self.site.connect() as admin, self.site.connect() as gateway:
            self.assertEqual(admin.administer("trace.read", {"device": "line"})["entries"], [])
            gateway.trace(context)
            with self.assertRaises(ringgate.Refused):
                gateway.trace("00-nonsense")
            with gateway.open("line") as line, contextlib.suppress(ringgate.Denied):
                line.command("TIOCSWINSZ", ws_row=400)
            told = admin.administer("trace.read", {"device": "line"})["entries"]
        self.assertEqual([one["operation"] for one in told], ["open", "describe", "command", "close"])
        self.assertEqual({one["traceparent"] for one in told}, {context})
        self.assertEqual(told[2]["arguments"]["ws_row"], 400)
        self.assertEqual((told[2]["verdict"], told[2]["decidedBy"], told[2]["result"]), ("denied", "type", -13))

    def test_reads_and_writes(self):
        with self.site.connect() as gateway, gateway.open("line") as line, gateway.open("random") as random:
            self.assertEqual(line.write(b"login\n"), 6)
            self.assertEqual(self.heard(6), b"login\n")
            os.write(self.site.master, b"welcome")
            self.assertEqual(line.read(64), b"welcome")
            self.assertEqual(len(random.read(16)), 16)
            with self.assertRaises(ringgate.DeviceError) as caught:
                line.read(1, timeout=50)
            self.assertEqual(caught.exception.errno, 62)

    def test_a_batch_is_pipelined_and_answered_in_its_order(self):
        with self.site.connect() as gateway, gateway.open("null") as null:
            entry = Entry(Operation.COMMAND, null.slot)
            completions = gateway.submit([entry] * 5_000)
            self.assertEqual(len(completions), 5_000)
            self.assertTrue(all(one.result == 0 and one.engine == "ring" for one in completions))
            self.assertEqual([one.request for one in completions], sorted(one.request for one in completions))

    def test_a_chain_stops_where_it_fails(self):
        with self.site.connect() as gateway, gateway.open("line") as line:
            link = EntryFlags.LINK
            results = [one.result for one in gateway.submit([
                Entry(Operation.WRITE, line.slot, offset=wire.OWN_POSITION, argument=b"a", flags=link),
                Entry(Operation.TIMEOUT, offset=1_000_000, flags=link | EntryFlags.SKIP_SUCCESS),
                Entry(Operation.READ, line.slot, offset=wire.OWN_POSITION, argument=b"\1\0\0\0\0\0\0\0", timeout=50, flags=link),
                Entry(Operation.NOP),
            ])]
            self.assertEqual(results, [1, -62, -125])
            self.assertEqual(self.heard(1), b"a")

    def test_a_stream_goes_on_until_it_is_left(self):
        with self.site.connect() as gateway, gateway.open("line") as line:
            texts = []
            os.write(self.site.master, b"0")
            for number, text in enumerate(line.stream(1, credit=2), 1):
                texts.append(text)
                if number == 9:
                    break
                os.write(self.site.master, str(number).encode())
            self.assertEqual(b"".join(texts), b"012345678")
            # The line is as usable as before.
            line.write(b"x")
            self.assertEqual(self.heard(1), b"x")

    def test_leases(self):
        with self.site.connect() as first, self.site.connect() as second:
            with first.lease("null", ttl=60) as lease:
                self.assertEqual(lease["devices"][0]["device"], "null")
                self.assertLessEqual(first.renew(lease["lease"], 30), 30)
                with self.assertRaises(ringgate.Refused) as caught:
                    second.open("null")
                self.assertEqual(caught.exception.reason, ringgate.Reason.BUSY)
                one, other = second.standings("null", "random")
                self.assertEqual([holder["session"] for holder in one["holders"]], [first.session])
                self.assertEqual((other["mode"], other["holders"], other["waiting"]), ("none", [], 0))
            with second.lease("null", wait=5):
                second.open("null").close()

    def test_administration(self):
        with self.site.connect() as gateway:
            sessions = gateway.administer("session.list")["sessions"]
            self.assertIn(gateway.session, [one["session"] for one in sessions])

    def test_a_lost_connection_is_taken_up_again(self):
        proxy = Proxy(self.site.port)
        with contextlib.closing(proxy), self.site.connect(proxy.port) as gateway, gateway.open("line") as line:
            session = gateway.session
            for number in range(20):
                if number % 4 == 1:
                    proxy.cut()
                self.assertEqual(line.write(b"%02d." % number), 3)
            self.assertEqual(self.heard(60), b"".join(b"%02d." % number for number in range(20)))
            self.assertEqual(gateway.session, session)
            self.assertEqual(proxy.connections, 6)

    def test_a_gateway_that_was_restarted_is_told_as_that(self):
        with site.Site() as other:
            gateway = other.connect()
            line = gateway.open("line")
            other.process.kill()
            other.process.wait()
            threading.Timer(0.5, other.start).start()
            with self.assertRaises(ringgate.OutcomeUnknown):
                line.write(b"lost")
            # Nothing goes on by itself: files and leases are gone with the session.
            self.assertFalse(gateway.is_connected)
            with self.assertRaises(ringgate.Disconnected):
                line.write(b"late")
            with other.connect() as again:
                self.assertEqual(again.open("line").write(b"back"), 4)


if __name__ == "__main__":
    unittest.main()
