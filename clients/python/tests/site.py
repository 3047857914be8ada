"""A gateway of its own with real devices behind it, ended with the block."""
import os
import pathlib
import subprocess
import tempfile
import time
import tty

import ringgate

REPOSITORY = pathlib.Path(__file__).parents[3]
GATEWAY = os.environ.get("RINGGATE_GATEWAY")
POLICY = """version: 1
principals:
  agent: {uri: "ringgate://python.example/agent/*"}
devices:
  "null": {path: /dev/null, profile: "null", lease: {mode: exclusive, ttl: 1h}}
  random: {path: /dev/random, profile: random}
  line: {path: "@LINE@", profile: tty, open: read-write}
  # Never opened; what they describe is enough.
  chip: {path: /dev/ringgate-none/chip, profile: gpio, open: read-write}
  bus: {path: /dev/ringgate-none/bus, profile: i2c, open: read-write}
  flash: {path: /dev/ringgate-none/spi, profile: spi, open: read-write}
  disk: {path: /dev/ringgate-none/disk, profile: nvme, open: read-write}
rules:
  - {id: ping, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}
  - {id: entropy, principals: [agent], devices: [random], commands: [RNDGETENTCNT], read: {max-length: 64}}
  - id: type
    principals: [agent]
    devices: [line]
    read: true
    write: true
    commands: [TIOCGWINSZ, {use: TIOCSWINSZ, where: {ws_row: {range: [1, 200]}}}, TCGETS2, TCSETSW2]
  - id: take-lines
    principals: [agent]
    devices: [chip]
    commands: [GPIO_V2_GET_LINEINFO_IOCTL, GPIO_V2_GET_LINE_IOCTL]
    handles: {gpio-line: {commands: [GPIO_V2_LINE_GET_VALUES_IOCTL, GPIO_V2_LINE_SET_VALUES_IOCTL], read: true}}
  - {id: use-bus, principals: [agent], devices: [bus], commands: [I2C_RDWR, I2C_SLAVE, I2C_SMBUS]}
  - {id: use-flash, principals: [agent], devices: [flash], commands: [SPI_IOC_MESSAGE]}
  - id: use-disk
    principals: [agent]
    devices: [disk]
    commands:
      [NVME_URING_CMD_ADMIN_IDENTIFY, NVME_URING_CMD_ADMIN_GET_LOG_PAGE, NVME_URING_CMD_IO_READ, NVME_URING_CMD_IO_WRITE,
      NVME_URING_CMD_IO_FLUSH]
  - {id: look, principals: [agent], devices: ["@gateway"], commands: [session.list, trace.read]}
"""


class Site:
    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        certs = REPOSITORY / "certs"
        for words in (
            ["make-ca"], ["make-server", "server", "127.0.0.1"],
            ["make-client", "agent", "ringgate://python.example/agent/1"],
        ):
            subprocess.run(
                [certs / words[0], self.folder, *words[1:]], check=True, capture_output=True)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        (self.folder / "policy.yaml").write_text(POLICY.replace("@LINE@", os.ttyname(self.slave)))
        self.port = 0
        self.log = (self.folder / "log").open("w")
        self.start()
        return self

    def start(self, *more):
        port = self.folder / "port"
        port.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [GATEWAY, "--listen", f"127.0.0.1:{self.port}", "--certificate", self.folder / "server.crt",
             "--key", self.folder / "server.key", "--client-ca", self.folder / "ca.crt",
             "--policy", self.folder / "policy.yaml", "--profiles", REPOSITORY / "profiles",
             "--audit", self.folder / "audit", "--port-file", port, *more],
            stderr=self.log)
        deadline = time.monotonic() + 20
        while not (port.exists() and port.read_text().endswith("\n")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.01)
        self.port = int(port.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(15)

    def connect(self, port=None, **options):
        return ringgate.connect(
            "127.0.0.1", port or self.port, str(self.folder / "agent.crt"), str(self.folder / "agent.key"),
            str(self.folder / "ca.crt"), **options)

    def environment(self):
        """Where the gateway is, for clients that look for it there."""
        files = {"CERT": "agent.crt", "KEY": "agent.key", "CA": "ca.crt"}
        return {
            "RINGGATE_HOST": f"127.0.0.1:{self.port}",
            **{f"RINGGATE_{name}": str(self.folder / file) for name, file in files.items()}}

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)
        self.log.close()
        self.temporary.cleanup()
