"""The asyncio client against a real gateway."""
import asyncio
import contextlib
import logging
import os
import unittest

import ringgate
from ringgate import Entry, Operation, aio

from . import site
from .test_live import Proxy


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
class Async(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        # The debug mode of these tests tells of every turn that is slow on a busy machine.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        cls.site = site.Site()
        cls.site.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.site.__exit__()

    def connect(self, port=None):
        folder = self.site.folder
        return aio.connect(
            "127.0.0.1", port or self.site.port, str(folder / "agent.crt"), str(folder / "agent.key"),
            str(folder / "ca.crt"))

    async def test_tasks_share_a_connection(self):
        async with await self.connect() as gateway, await gateway.open("line") as line:
            async def rows(number):
                await line.command("TIOCSWINSZ", ws_row=number, ws_col=number)
                return (await line.command("TIOCGWINSZ"))["ws_row"]

            found = await asyncio.gather(*(rows(number) for number in range(1, 50)))
            self.assertTrue(all(1 <= one < 50 for one in found))
            null = await gateway.open("null")
            batches = await asyncio.gather(*(
                gateway.submit([Entry(Operation.COMMAND, null.slot)] * 500) for _ in range(10)))
            self.assertEqual(sum(one.result == 0 for batch in batches for one in batch), 5_000)

    async def test_denials_and_deadlines(self):
        async with await self.connect() as gateway, await gateway.open("line") as line:
            with self.assertRaises(ringgate.Denied):
                await line.command("TIOCSWINSZ", ws_row=400)
            with self.assertRaises(ringgate.DeviceError) as caught:
                await line.read(1, timeout=50)
            self.assertEqual(caught.exception.errno, 62)
            with self.assertRaises(ringgate.Denied):
                await gateway.open("nothing")

    async def test_a_stream_beside_other_calls(self):
        async with await self.connect() as gateway, await gateway.open("line") as line:
            os.write(self.site.master, b"0")
            texts = []
            stream = line.stream(1, credit=2)
            async for text in stream:
                texts.append(text)
                if len(texts) == 9:
                    break
                self.assertEqual((await line.command("TIOCGWINSZ")).result, 0)
                os.write(self.site.master, str(len(texts)).encode())
            await stream.aclose()
            self.assertEqual(b"".join(texts), b"012345678")

    async def test_a_lost_connection_is_taken_up_again(self):
        proxy = Proxy(self.site.port)
        with contextlib.closing(proxy):
            async with await self.connect(proxy.port) as gateway, await gateway.open("null") as null:
                for number in range(12):
                    if number % 4 == 1:
                        proxy.cut()
                    self.assertEqual((await null.command("NULL_URING_CMD")).result, 0)
                self.assertEqual(proxy.connections, 4)

    async def test_what_waits_ends_when_the_client_is_closed(self):
        gateway = await self.connect()
        line = await gateway.open("line")
        waiting = asyncio.create_task(line.read(1))
        await asyncio.sleep(0.1)
        await gateway.close()
        with self.assertRaises(ringgate.RingError):
            await waiting
        with self.assertRaises(ringgate.Disconnected):
            await line.write(b"late")


if __name__ == "__main__":
    unittest.main()
