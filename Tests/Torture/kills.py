"""A gateway that is killed again and again under writes, with what it did not synchronize lost (T15, T16).

The device is the slave of a pty, and its journal what arrives at the master: each write carries the number of the gateway's
run and of its request, so that the journal can be held against the audit log.
"""
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import threading
import time
import tty

import wire

IN_FLIGHT = 64


class Journal:
    """What the device has got, read as it comes."""

    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.bytes = bytearray()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(OSError):
            while True:
                self.bytes += os.read(self.master, 65536)

    def writes(self):
        """Of each run the requests that have arrived whole, how often; and pieces that are none of these."""
        text = bytes(self.bytes).decode()
        found = re.findall(r"<(\d+)\.(\d+)>", text)
        rest = re.sub(r"<\d+\.\d+>", "", text)
        return collections.Counter((int(run), int(request)) for run, request in found), rest


class Writer:
    """Writes as fast as it is answered, until the connection ends."""

    def __init__(self, peer, run):
        self.peer, self.run = peer, run
        self.sent, self.done = 1, {}

    def write_all(self):
        with contextlib.suppress(OSError):
            self.peer.submit(wire.entry(wire.OPEN, 1, b"line"))
            while self.fill():
                pass

    def fill(self):
        while self.sent - len(self.done) < IN_FLIGHT:
            batch = []
            for _ in range(random.randint(1, 8)):
                self.sent += 1
                text = f"<{self.run}.{self.sent}>".encode()
                batch.append(wire.entry(wire.WRITE, self.sent, text, offset=wire.OWN_POSITION))
            self.peer.submit(*batch)
        return self.take()

    def take(self):
        completions = self.peer.completions()
        if completions is None:
            return False
        self.done |= {request: result for request, result, _ in completions}
        return True


def shim(folder):
    library = folder / "losing.so"
    source = pathlib.Path(__file__).parent / "losing.c"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


def runs_of(audit):
    """Of each run of the gateway the requests with an intent, and their results."""
    runs = []
    for file in sorted(audit.glob("audit-*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                continue
            record = json.loads(line)
            if record["type"] == "begin":
                runs.append((set(), {}))
            elif record["type"] == "intent":
                runs[-1][0].update(command["request"] for command in record["commands"])
            elif record["type"] == "result":
                runs[-1][1][record["request"]] = record["result"]
    return runs


def kills(start, options, folder, hello):
    """T15, T16: `start` makes a gateway with more settings and environment."""
    count = 1000 if options.full else 50
    random.seed(15)
    journal = Journal()
    audit = folder / "audit"
    preload = shim(folder)
    ready, answered = [], {}
    torn = 0
    for run in range(1, count + 1):
        began = time.monotonic()
        with start(journal.path, {"LD_PRELOAD": str(preload)}) as gateway:
            peer = wire.Peer(gateway, hello)
            ready.append((time.monotonic() - began) * 1000)
            writer = Writer(peer, run)
            thread = threading.Thread(target=writer.write_all)
            thread.start()
            time.sleep(random.uniform(0.005, 0.15))
            gateway.process.kill()
            gateway.process.wait()
            thread.join()
            peer.close()
        answered[run] = {request for request, result in writer.done.items() if result > 0}
    with start(journal.path, {}):
        pass
    time.sleep(0.5)
    arrived, rest = journal.writes()
    runs = runs_of(audit)
    verify = subprocess.run(
        [sys.executable, str(pathlib.Path(__file__).parents[2] / "scripts/verify-audit.py"), str(audit)],
        capture_output=True, text=True)
    torn = len(list(audit.glob("*.unfinished")))
    unrecorded = sum(run > len(runs) or request not in runs[run - 1][0] for run, request in arrived)
    twice = sum(times > 1 for times in arrived.values())
    lost = sum((run, request) not in arrived for run, requests in answered.items() for request in requests)
    ready.sort()
    return {
        "kills": count, "runs-in-log": len(runs), "writes": len(arrived), "intents": sum(len(run[0]) for run in runs),
        "unrecorded": unrecorded, "twice": twice, "answered-and-lost": lost, "torn-files": torn,
        "log": verify.stdout.split("\n")[0] if verify.returncode == 0 else verify.stderr.strip()[-200:],
        "ready-median-ms": statistics.median(ready), "ready-max-ms": ready[-1],
        # A killed write may arrive in part, once a run.
        "pieces": rest.count("<"),
        # How fast it is ready again is held in the long run alone, as other times are.
        "kept": verify.returncode == 0 and unrecorded == twice == lost == 0 and len(arrived) > count
        and len(runs) == count + 1 and rest.count("<") <= count
        and (not options.full or statistics.median(ready) < 500),
    }
