"""What a client records, a gateway replays without the device."""
import asyncio
import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import ringgate
from ringgate import aio, recording
from ringgate.devices import Gpio, Tty

from . import site

#: A chip whose line 4 is taken as an output and set: struct gpio_v2_line_request is 592 bytes, its file gets slot 1.
CHIP = [
    {"device": "chip", "operation": "command", "code": 0xC250B407, "offset": 1, "result": 0, "reply": "00" * 592},
    {"device": "chip", "operation": "command", "code": 0xC010B40F, "result": 0},
]


def talk(gateway):
    with gateway.open("line") as line:
        line.command("TIOCSWINSZ", ws_row=40, ws_col=100)
        tty = Tty(line)
        line.write(b"login\n")
        heard = tty.expect(b"ready")
        return line.command("TIOCGWINSZ")["ws_row"], heard


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
class Recording(unittest.TestCase):
    def test_a_session_passes_again_without_its_device(self):
        with site.Site() as one, tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "session.jsonl")
            environment = {**one.environment(), recording.VARIABLE: path}
            os.write(one.master, b"are you ready\n")
            with mock.patch.dict(os.environ, environment), ringgate.connect_from_environment() as gateway:
                said = talk(gateway)
                self.assertEqual(said[0], 40)
                with self.assertRaises(ringgate.Denied), gateway.open("line") as line:
                    line.raw_command(0x5412, b"A")
            lines = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
            self.assertEqual(lines[0], {"recording": "ringgate", "version": 1})
            self.assertEqual({line["device"] for line in lines[1:]}, {"line"})
            self.assertEqual([line["operation"] for line in lines[1:] if "operation" in line], ["command", "write", "command"])
            one.stop()
            one.start("--replay", path)
            with one.connect() as gateway:
                self.assertEqual(talk(gateway), said)
                with self.assertRaises(ringgate.Refused) as caught, gateway.open("line") as line:
                    line.write(b"more")
                self.assertIn("has nothing more, this is write(4 bytes \"more\")", str(caught.exception))

    def test_asyncio_records_the_same(self):
        async def run(one, path):
            files = [str(one.folder / name) for name in ("agent.crt", "agent.key", "ca.crt")]
            async with await aio.connect("127.0.0.1", one.port, *files) as gateway:
                gateway.recorder = recording.Recorder(path)
                line = await gateway.open("line")
                await line.command("TIOCGWINSZ")
                os.write(one.master, b"x")
                stream = line.stream(16)
                await stream.__anext__()
                await stream.aclose()

        with site.Site() as one, tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "session.jsonl"
            asyncio.run(run(one, str(path)))
            lines = [json.loads(line) for line in path.read_text().splitlines()][1:]
            self.assertEqual(lines[0]["code"], 0x5413)
            self.assertEqual((lines[0]["engine"], lines[0]["result"]), ("call", 0))
            self.assertEqual(lines[1], {"device": "line", "input": "78"})

    def test_a_chip_that_nobody_has_is_set(self):
        with site.Site() as one, tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "chip.jsonl"
            path.write_text("".join(json.dumps(line) + "\n" for line in [{"recording": "ringgate", "version": 1}, *CHIP]))
            one.stop()
            one.start("--replay", str(path))
            with one.connect() as gateway, gateway.open("chip") as chip, Gpio(chip).outputs({4: False}) as lines:
                lines.set({4: True})


if __name__ == "__main__":
    unittest.main()
