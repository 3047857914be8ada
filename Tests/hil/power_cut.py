"""Cuts the power of the lab's machine under commands that change something, and holds what was answered against the audit log on
its disk (T16). What the machine's kernel had not written is lost, as with a real one.

usage: power_cut.py FOLDER    with QEMU's sockets and pid, the certificates, and the disk `audit.img`
"""
import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

TESTS = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "Torture"))
import wire  # noqa: E402

# docs/protocol.md, section 9: version 1, no features.
HELLO = bytes.fromhex("10000000010000000100010000000000" + "00" * 8)
# include/uapi/asm-generic/ioctls.h and termios.h: switches DTR on.
TIOCMBIS, TIOCM_DTR = 0x5416, 2
IN_FLIGHT = 32
SECONDS = 4


class Gateway:
    """As wire.Peer wants it."""

    def __init__(self, folder):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(20)
            monitor.connect(str(folder / "qmp.sock"))
            lines = monitor.makefile("rw")
            lines.readline()
            for command in ({"execute": "qmp_capabilities"}, {
                "execute": "human-monitor-command", "arguments": {"command-line": "info usernet"}
            }):
                lines.write(json.dumps(command) + "\n")
                lines.flush()
                answer = {}
                while "return" not in answer:
                    answer = json.loads(lines.readline())
        forwards = [line.split() for line in answer["return"].splitlines() if "HOST_FORWARD" in line]
        self.port = int(forwards[0][3])
        certificates = folder / "certificates"
        self.context = ssl.create_default_context(cafile=certificates / "ca.crt")
        self.context.load_cert_chain(certificates / "agent.crt", certificates / "agent.key")
        self.context.set_alpn_protocols(["ringgate/1"])


def switch(peer, done):
    """Keeps so many commands under way until the connection is gone; `done` gets those that were answered with success."""
    sent = 1
    waiting = 0
    try:
        while True:
            batch = range(sent + 1, sent + 1 + IN_FLIGHT - waiting)
            peer.submit(*(
                wire.entry(wire.COMMAND, request, struct.pack("<I", TIOCM_DTR), code=TIOCMBIS) for request in batch))
            sent, waiting = batch[-1], IN_FLIGHT
            completions = peer.completions()
            if completions is None:
                return
            waiting -= len(completions)
            done.update(request for request, result, _ in completions if result == 0)
    except OSError:
        return


def recorded(folder, session):
    """Of the log on the disk: the requests of the session that have an intent, and whether the log verifies."""
    image, log = folder / "audit.img", folder / "log"
    # What the journal has is what a mount would find. 1: errors were corrected.
    check = subprocess.run(["e2fsck", "-fy", image], capture_output=True, text=True)
    if check.returncode > 1:
        raise SystemExit(f"power_cut: e2fsck: {check.stdout}")
    subprocess.run(["debugfs", "-R", f"rdump /log {folder}", image], check=True, capture_output=True)
    requests = set()
    for file in sorted(log.glob("audit-*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            record = json.loads(line) if line.endswith(b"\n") and line.strip(b"\0\n") else {}
            if record.get("type") == "intent" and record.get("session") == session:
                requests.update(command["request"] for command in record["commands"])
    verify = subprocess.run(
        [sys.executable, str(TESTS.parent / "scripts/verify-audit.py"), str(log)], capture_output=True, text=True)
    return requests, verify


def main():
    folder = pathlib.Path(sys.argv[1])
    peer = wire.Peer(Gateway(folder), HELLO)
    session = struct.unpack_from("<Q", peer.welcome, 24)[0]
    peer.submit(wire.entry(wire.OPEN, 1, b"console"))
    opened = peer.completions()
    if opened[0][1] != 0:
        raise SystemExit(f"power_cut: the console cannot be opened: {opened}")
    done = set()
    thread = threading.Thread(target=switch, args=(peer, done))
    thread.start()
    time.sleep(SECONDS)
    machine = int((folder / "qemu.pid").read_text())
    os.kill(machine, signal.SIGKILL)
    thread.join()
    while pathlib.Path(f"/proc/{machine}").exists():
        time.sleep(0.05)
    intents, verify = recorded(folder, session)
    lost = done - intents
    print(f"power cut: {len(done)} commands answered, {len(intents)} intents on the disk, {len(lost)} lost; "
          f"{(verify.stdout or verify.stderr).splitlines()[0]}")
    is_good = len(done) > 50 and not lost and verify.returncode == 0
    print(f"{int(is_good)} passed, {int(not is_good)} failed, 0 skipped")
    raise SystemExit(0 if is_good else 1)


if __name__ == "__main__":
    main()
