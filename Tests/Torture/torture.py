#!/usr/bin/env python3
"""Holds a gateway's fort from outside: floods, silent and slow peers, reloads under load, a soak.

usage: torture.py [--full] [--only TARGET] --gateway BINARY --loadgen BINARY --certificates DIR --certs DIR --profiles DIR --out FILE

Prints a line for each target of docs/reliability.md and writes FILE (JSON). Exits 1 when a bound was not kept.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time

import guessing
import kills
import overload

# docs/protocol.md, section 9: version 1, no features.
HELLO = bytes.fromhex("10000000010000000100010000000000" + "00" * 8)
POLICY = """version: 1
principals:
  agent: {uri: "ringgate://torture.example/agent/*"}
devices:
  "null": {path: /dev/null, profile: "null"}
rules:
  - {id: agents, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}
"""
FLOOD_SOURCE = "127.0.0.2"


class Gateway:
    """A gateway of its own, ended with the block."""

    def __init__(self, options, folder, policy=POLICY, settings="", environment=None):
        self.folder = folder
        self.environment = environment or {}
        self.certificates = pathlib.Path(options.certificates)
        self.policy = folder / "policy.yaml"
        self.policy.write_text(policy)
        (folder / "ringgated.yaml").write_text(
            f"listen: 127.0.0.1:0\ncertificate: {self.certificates}/server.crt\nkey: {self.certificates}/server.key\n"
            f"client-ca: {self.certificates}/ca.crt\npolicy: policy.yaml\nprofiles: {os.path.abspath(options.profiles)}\n"
            "log-level: error\n" + settings
        )
        self.binary = options.gateway

    def __enter__(self):
        port = self.folder / "port"
        port.unlink(missing_ok=True)
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            [self.binary, "--config", str(self.folder / "ringgated.yaml"), "--port-file", str(port)],
            stdout=self.log, stderr=self.log, env=os.environ | self.environment)
        deadline = time.monotonic() + 20
        while not (port.exists() and port.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"torture: the gateway did not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.01)
        self.port = int(port.read_text())
        self.context = ssl.create_default_context(cafile=self.certificates / "ca.crt")
        self.context.load_cert_chain(self.certificates / "agent.crt", self.certificates / "agent.key")
        self.context.set_alpn_protocols(["ringgate/1"])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def status(self, name):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split(f"{name}:")[1].split()[0])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def look(self):
        """The certificate that it shows and the revision of the policy in force (docs/protocol.md, R-8)."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        with self.context.wrap_socket(plain, server_hostname="127.0.0.1") as peer:
            peer.sendall(HELLO)
            welcome = peer.recv(4096)
            return peer.getpeercert(binary_form=True), welcome[8 + 64:8 + 96]

    def connections(self):
        """Sockets that the gateway holds, by the kernel's own list: they are registered files and no descriptors."""
        local = f":{self.port:04X}"
        lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        # 01 established, 08 closed by the peer alone.
        return sum(words[1].endswith(local) and words[3] in ("01", "08") for words in lines)

    def greet(self):
        """A good client's way in; its milliseconds, or None when it was not let in."""
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 10) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self.context.wrap_socket(plain, server_hostname="127.0.0.1") as peer:
                    peer.sendall(HELLO)
                    if len(peer.recv(4096)) < 96:
                        return None
        except OSError:
            return None
        return (time.monotonic() - began) * 1000

    def loadgen(self, options, seconds, connections=4, depth=32, device="null", code=0, reply=0, waits=False):
        return subprocess.Popen(
            [options.loadgen, "--port", str(self.port), "--cert", f"{self.certificates}/agent.crt", "--key",
             f"{self.certificates}/agent.key", "--ca", f"{self.certificates}/ca.crt", "--connections", str(connections),
             "--depth", str(depth), "--seconds", str(seconds), "--device", device, "--code", str(code),
             "--reply", str(reply)] + ["--waits"] * waits,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def plain(gateway, source=FLOOD_SOURCE):
    peer = socket.socket()
    peer.setblocking(False)
    peer.bind((source, 0))
    with contextlib.suppress(BlockingIOError):
        peer.connect(("127.0.0.1", gateway.port))
    return peer


def greet_many(gateway, count):
    times = [gateway.greet() for _ in range(count)]
    good = sorted(one for one in times if one is not None)
    p99 = good[min(len(good) - 1, int(len(good) * 0.99))] if good else float("inf")
    return len(good), statistics.median(good) if good else float("inf"), p99


def strangers(gateway, options):
    """T1: silent peers and peers that talk rubbish are held; good ones come in all the same."""
    count = 1000 if options.full else 200
    _, quiet, quiet_p99 = greet_many(gateway, count)
    before = gateway.connections()
    peers = [plain(gateway) for _ in range(1500)]
    for peer in peers[1000:]:
        with contextlib.suppress(OSError):
            peer.send(os.urandom(200))
    good, median, p99 = greet_many(gateway, count)
    held = gateway.connections() - before
    for peer in peers:
        peer.close()
    deadline = time.monotonic() + 15
    while gateway.connections() > before and time.monotonic() < deadline:
        time.sleep(0.2)
    after = gateway.connections()
    return {
        "handshakes": count, "succeeded": good, "median-ms": median, "p99-ms": p99, "quiet-median-ms": quiet,
        "quiet-p99-ms": quiet_p99, "held": held, "left": after - before,
        "kept": good == count and p99 < 250 and held > 0 and after <= before,
    }


def flood(gateway, options):
    """T3: one source connects as fast as it can; the handshakes of others."""
    count = 5000 if options.full else 500
    stop = threading.Event()
    attempts = [0]

    def run():
        held = []
        while not stop.is_set():
            held.append(plain(gateway))
            attempts[0] += 1
            if len(held) > 200:
                held.pop(0).close()
        for peer in held:
            peer.close()

    thread = threading.Thread(target=run)
    thread.start()
    good, median, p99 = greet_many(gateway, count)
    stop.set()
    thread.join()
    return {
        "handshakes": count, "succeeded": good, "median-ms": median, "p99-ms": p99, "flood-connections": attempts[0],
        "kept": good >= count * 0.999 and attempts[0] > 1000,
    }


def handshakes(gateway, count):
    """Clients that have shown their certificate and said nothing."""
    return [
        gateway.context.wrap_socket(
            socket.create_connection(("127.0.0.1", gateway.port), 10), server_hostname="127.0.0.1")
        for _ in range(count)
    ]


def slow(gateway, options):
    """T2: a client that says its hello a byte a second is closed at its deadline of 10 s, and costs nothing."""
    # What the first clients cost is the program's own start.
    for peer in handshakes(gateway, 20):
        peer.close()
    time.sleep(1)
    resident = gateway.status("VmRSS")
    peers = handshakes(gateway, 20)
    began = time.monotonic()
    closed = {}
    sent = 0
    while len(closed) < len(peers) and time.monotonic() - began < 20:
        for number, peer in enumerate(peers):
            if number in closed:
                continue
            try:
                peer.settimeout(0.01)
                peer.sendall(HELLO[sent % len(HELLO):sent % len(HELLO) + 1])
                with contextlib.suppress(TimeoutError, ssl.SSLWantReadError):
                    # The gateway's error frame, then its end.
                    if not peer.recv(4096) or not peer.recv(4096):
                        closed[number] = time.monotonic() - began
            except OSError:
                closed[number] = time.monotonic() - began
        sent += 1
        time.sleep(1)
    growth = (gateway.status("VmRSS") - resident) / len(peers)
    for peer in peers:
        peer.close()
    latest = max(closed.values(), default=float("inf"))
    return {
        "clients": len(peers), "closed": len(closed), "latest-s": latest, "growth-kib": growth,
        "kept": len(closed) == len(peers) and 9 <= latest <= 14 and growth <= 64,
    }


def reloads(gateway, options):
    """T19: policy and certificates change again and again under load; every command is answered."""
    count = 1000 if options.full else 40
    before = gateway.look()
    load = gateway.loadgen(options, max(4, int(count * 0.1) + 2))
    time.sleep(1)
    for number in range(count):
        gateway.policy.write_text(POLICY + f"# {number}\n")
        if number % 10 == 0:
            subprocess.run(
                [f"{options.certs}/renew", str(gateway.certificates), "server"], check=True, capture_output=True)
        gateway.process.send_signal(signal.SIGHUP)
        time.sleep(0.08)
    output, complaint = load.communicate(timeout=300)
    done = load.returncode == 0
    good, _, _ = greet_many(gateway, 5)
    after = gateway.look()
    changed = before[0] != after[0] and before[1] != after[1]
    rate = json.loads(output)["commands_per_second"] if done and "commands_per_second" in output else None
    return {
        "reloads": count, "both-changed": changed, "load-ended-well": done, "commands-per-second": rate, "complaint": complaint[-200:],
        "kept": done and changed and good == 5,
    }


def soak(gateway, options):
    """T20: memory and descriptors under steady load."""
    seconds = 1800 if options.full else 30
    load = gateway.loadgen(options, seconds)
    samples = []
    began = time.monotonic()
    settled = seconds * 0.3
    while load.poll() is None:
        at = time.monotonic() - began
        if at > settled:
            samples.append((at, gateway.status("VmRSS"), gateway.descriptors()))
        greet_many(gateway, 1)
        time.sleep(0.25)
    load.communicate()
    slope = statistics.linear_regression([at for at, _, _ in samples[:-4]], [kib for _, kib, _ in samples[:-4]]).slope
    descriptors = [count for _, _, count in samples[:-4]]
    return {
        "seconds": seconds, "load-ended-well": load.returncode == 0, "mib-per-hour": slope * 3600 / 1024,
        "descriptors": [min(descriptors), max(descriptors)],
        # Half a minute says nothing about an hour; only the long run is held to it.
        "kept": load.returncode == 0 and (not options.full or slope * 3600 / 1024 < 1),
    }


def with_line(line):
    """A policy with a serial line beside /dev/null."""
    policy = POLICY.replace("rules:", f"  line: {{path: {line}, profile: tty, open: read-write}}\nrules:")
    return policy + "  - {id: type, principals: [agent], devices: [line], write: true, commands: [TIOCGWINSZ]}\n"


def killed(_, options):
    """T15 and T16: killed under writes, with what was not synchronized lost."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def start(line, environment):
            return Gateway(options, folder, with_line(line), "audit: audit\n", environment)

        return kills.kills(start, options, folder, HELLO)


def overloaded(_, options):
    """T4: ten times as many calls as a device's worker takes."""
    journal = kills.Journal()
    with tempfile.TemporaryDirectory() as name:
        with Gateway(options, pathlib.Path(name), with_line(journal.path)) as gateway:
            return overload.overload(gateway, options)


def guessed(_, options):
    """T21: a hostile client with a certificate."""
    journal = kills.Journal()
    policy = with_line(journal.path).replace("open: read-write}", "open: read-write, lease: exclusive}")
    policy = policy.replace("write: true,", "read: true, write: true,")
    with tempfile.TemporaryDirectory() as name:
        with Gateway(options, pathlib.Path(name), policy) as gateway:
            return guessing.guessing(gateway, options, journal)


TARGETS = {
    "T1": strangers, "T2": slow, "T3": flood, "T4": overloaded, "T15": killed, "T19": reloads, "T20": soak, "T21": guessed,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", choices=TARGETS)
    for name in ("gateway", "loadgen", "certificates", "certs", "profiles", "out"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    results = {
        "date": time.strftime("%Y-%m-%d"), "kernel": platform.release(), "processors": os.cpu_count(),
        "form": "full" if options.full else "quick", "targets": {},
    }
    kept = True
    for name, run in TARGETS.items():
        if options.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as folder, Gateway(options, pathlib.Path(folder)) as gateway:
            result = run(gateway, options)
            if gateway.process.poll() is not None:
                result |= {"kept": False, "gateway-ended": gateway.process.returncode}
        results["targets"][name] = result
        kept = kept and result["kept"]
        words = ", ".join(
            f"{key} {value:.1f}" if isinstance(value, float) else f"{key} {value}"
            for key, value in result.items() if key not in ("kept", "complaint") or (value and key != "kept"))
        print(f"{name:4} {'kept' if result['kept'] else 'NOT KEPT'}: {words}", flush=True)
    pathlib.Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    raise SystemExit(0 if kept else 1)


main()
