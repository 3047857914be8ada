"""Ten times what a device can do (T4)."""
import threading
import time

import wire

# include/uapi/asm-generic/ioctls.h
TIOCGWINSZ = 0x5413
# docs/protocol.md, section 6.
BUSY = 8
MEMORY_KIB = 256 << 10


class Client:
    """Keeps so many ioctls under way, and counts what becomes of them."""

    def __init__(self, gateway, hello, depth):
        self.peer = wire.Peer(gateway, hello)
        self.depth = depth
        self.done = self.busy = self.other = 0
        self.is_stopping = False
        self.peer.submit(wire.entry(wire.OPEN, 1, b"line"))
        if self.peer.completions()[0][1] != 0:
            raise OSError("the line cannot be opened")
        self.last = 1

    def run(self):
        under_way = 0
        while under_way or not self.is_stopping:
            if not self.is_stopping:
                batch = range(self.last + 1, self.last + 1 + self.depth - under_way)
                for start in range(0, len(batch), 256):
                    self.peer.submit(*(
                        wire.entry(wire.COMMAND, request, code=TIOCGWINSZ) for request in batch[start:start + 256]))
                self.last += len(batch)
                under_way = self.depth
            completions = self.peer.completions()
            under_way -= len(completions)
            for _, result, reason in completions:
                if result >= 0:
                    self.done += 1
                elif reason == BUSY:
                    self.busy += 1
                else:
                    self.other += 1


def load(gateway, hello, clients, depth, seconds):
    """Commands done a second, refused as busy, and otherwise."""
    clients = [Client(gateway, hello, depth) for _ in range(clients)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    for client in clients:
        client.is_stopping = True
    for thread in threads:
        thread.join()
    for client in clients:
        client.peer.close()
    totals = [sum(getattr(client, name) for client in clients) for name in ("done", "busy", "other")]
    return totals[0] / seconds, totals[1], totals[2]


def overload(gateway, options, hello):
    """A worker takes 1,024 calls at a time; peak is what it does when it is asked for a tenth of what then comes."""
    seconds = 5 if options.full else 2
    load(gateway, hello, 1, 64, 0.5)
    peaks, goods = [], []
    busy = other = 0
    for _ in range(3):
        peaks.append(load(gateway, hello, 1, 1000, seconds)[0])
        good, refused, failed = load(gateway, hello, 10, 1000, seconds)
        goods.append(good)
        busy += refused
        other += failed
    ratio = sorted(good / peak for good, peak in zip(goods, peaks))[1]
    most = gateway.status("VmHWM")
    return {
        "peak-per-second": sorted(peaks)[1], "goodput-per-second": sorted(goods)[1], "goodput-to-peak": ratio,
        "busy": busy, "other-failures": other, "most-memory-kib": most,
        # The clients share two processors with the gateway and cost more than it, so goodput is told, not held.
        "kept": busy > 0 and other == 0 and most < MEMORY_KIB and min(goods) > 0,
    }
