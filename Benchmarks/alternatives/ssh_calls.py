"""One ioctl a call over ssh with a master connection, against an sshd of its own on loopback; one line of JSON.

Everything it makes lies in FOLDER. Ends with status 3 and the reason where there is no sshd or it cannot be used.
"""

import argparse
import getpass
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

SKIPPED = 3


def skip(reason):
    print(reason)
    raise SystemExit(SKIPPED)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sshd:
    """A server that takes one key; ended with the block."""

    def __init__(self, program, folder):
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "user.pub").rename(folder / "authorized")
        self.port = free_port()
        # Whoever owns the folder may log in, whatever the modes of the folders above. SHLVL keeps bash from reading
        # ~/.bashrc for each call, which is not what ssh costs.
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {folder}/authorized\nUsePAM no\nPasswordAuthentication no\n"
            "PermitRootLogin prohibit-password\nSetEnv SHLVL=2\n")
        self.log = folder / "sshd.log"
        self.process = subprocess.Popen([program, "-D", "-e", "-f", folder / "sshd_config"],
                                        stderr=self.log.open("w"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def wait(self):
        for _ in range(100):
            if self.process.poll() is not None:
                skip(f"sshd did not start: {self.log.read_text().strip()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        skip("sshd did not listen within 5 s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--tool", required=True, type=pathlib.Path)
    parser.add_argument("--device", required=True)
    parser.add_argument("--seconds", required=True, type=float)
    arguments = parser.parse_args()
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh") is None:
        skip("no ssh or sshd (Debian: openssh-client, openssh-server)")
    if os.geteuid() == 0:
        # Debian's sshd wants it when root starts it; the service would have made it.
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder = arguments.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Sshd(program, folder) as server:
        server.wait()
        base = ["ssh", "-F", "none", "-S", folder / "master", "-p", str(server.port), "-i", folder / "user",
                "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", "-o", "BatchMode=yes",
                "-o", "LogLevel=ERROR"]
        host = f"{getpass.getuser()}@127.0.0.1"
        master = subprocess.run([*base, "-M", "-f", "-N", "-o", "ControlPersist=no", host],
                                stdout=subprocess.DEVNULL, stderr=(folder / "ssh.log").open("w"))
        if master.returncode != 0:
            skip(f"ssh could not log in: {(folder / 'ssh.log').read_text().strip()}")
        try:
            times = []
            begin = time.monotonic()
            while time.monotonic() - begin < arguments.seconds:
                sent = time.monotonic()
                subprocess.run([*base, host, f"{arguments.tool.resolve()} {arguments.device}"], check=True,
                               stdout=subprocess.DEVNULL)
                times.append(time.monotonic() - sent)
            seconds = time.monotonic() - begin
        finally:
            subprocess.run([*base, "-O", "exit", host], stderr=subprocess.DEVNULL)
    times.sort()
    print(json.dumps({
        "connections": 1, "depth": 1, "commands": len(times), "seconds": seconds,
        "commands_per_second": len(times) / seconds,
        "p50_us": times[len(times) // 2] * 1e6, "p99_us": times[len(times) * 99 // 100] * 1e6,
    }))


if __name__ == "__main__":
    main()
