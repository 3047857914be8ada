"""What a gateway costs that has little to do: time to start, memory idle, memory of idle sessions, and whether many
idle sessions make the commands of others dearer. Prints one line of JSON.

footprint.py --load "WORDS OF A LOADGEN COMMAND LINE" --limit "WORDS OF A SERVER" COMMAND... starts COMMAND with --port-file added.
"""

import argparse
import json
import pathlib
import resource
import shlex
import socket
import ssl
import statistics
import subprocess
import tempfile
import time

STARTS = 5
FEW, MANY = 10, 1000
PAIRS = 5
# docs/protocol.md, section 9: version 1, no features.
HELLO = bytes.fromhex("10000000 01 00 0000 0100 0100 00000000 0000000000000000")


class Server:
    """A server of its own; ended with the block. A gateway has an audit log of its own as well."""

    def __init__(self, command, folder, is_gateway=True):
        self.port_file = folder / "port"
        audit = ["--audit", str(folder / "audit")] if is_gateway else []
        self.command = [*command, "--port-file", str(self.port_file), *audit]
        self.log = folder / "log"

    def __enter__(self):
        self.port_file.unlink(missing_ok=True)
        began = time.monotonic()
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        while not (self.port_file.exists() and self.port_file.read_text()):
            if self.process.poll() is not None or time.monotonic() - began > 10:
                raise SystemExit(f"footprint: the gateway did not start:\n{self.log.read_text()}")
            time.sleep(0.0005)
        self.start_ms = (time.monotonic() - began) * 1000
        self.port = int(self.port_file.read_text())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def opener_own_kib(self):
        """What the process that opens devices has for itself: proc(5), smaps_rollup."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        text = pathlib.Path(f"/proc/{children[0]}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))

    def processor_ns(self):
        """Time that all its threads have run: proc(5), /proc/PID/task/TID/schedstat."""
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


def session(context, port):
    """An idle session: TLS, hello, welcome, and nothing more."""
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10))
    connection.sendall(HELLO)
    if len(connection.recv(4096)) < 8:
        raise SystemExit("footprint: no welcome")
    return connection


def rate(load, port):
    words = [*load, "--port", str(port)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["commands_per_second"]


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--load", required=True, type=shlex.split)
    parser.add_argument("--limit", required=True, type=shlex.split, help="a server to hold the same sessions and load against")
    for name in ("cert", "key", "ca"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    context = ssl.create_default_context(cafile=arguments.ca)
    context.check_hostname = False  # the certificate names an address
    context.load_cert_chain(arguments.cert, arguments.key)
    context.set_alpn_protocols(["ringgate/1"])

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        starts, idle, opener = [], [], []
        for _ in range(STARTS):
            with Server(arguments.command, folder) as server:
                starts.append(server.start_ms)
                idle.append(server.resident_kib())
                opener.append(server.opener_own_kib())
        # Two gateways side by side, so that each pair of runs sees the same machine.
        for sub in ("many", "limit"):
            (folder / sub).mkdir()
        with (
            Server(arguments.command, folder) as few,
            Server(arguments.command, folder / "many") as many,
            Server(arguments.limit, folder / "limit", is_gateway=False) as limit,
        ):
            held = [session(context, few.port) for _ in range(FEW)]
            held += [session(context, many.port) for _ in range(FEW)]
            time.sleep(1)
            before = many.resident_kib()
            held += [session(context, many.port) for _ in range(MANY - FEW)]
            time.sleep(1)
            each = (many.resident_kib() - before) / (MANY - FEW)
            began, spent = time.monotonic(), many.processor_ns()
            time.sleep(5)
            idle_cost = (many.processor_ns() - spent) / (time.monotonic() - began)
            held += [session(context, limit.port) for _ in range(MANY)]
            growths, busy, ratios = [], [], []
            for pair in range(PAIRS):
                order = (few, many, limit) if pair % 2 == 0 else (limit, many, few)
                rates = {server.port: rate(arguments.load, server.port) for server in order}
                growths.append(rates[few.port] / rates[many.port])
                busy.append(rates[many.port])
                ratios.append(rates[many.port] / rates[limit.port])
            for connection in held:
                connection.close()
    print(json.dumps({
        "start-ms": spread(starts),
        "idle-rss-kib": spread(idle),
        "opener-own-kib": spread(opener),
        "idle-session-kib": each,
        "cost-with-1000-sessions": spread(growths),
        "commands-per-second-with-1000-sessions": spread(busy),
        "ratio-to-limit-with-1000-sessions": spread(ratios),
        "processor-seconds-a-day-with-1000-idle-sessions": idle_cost * 86_400 / 1e9,
    }))


if __name__ == "__main__":
    main()
