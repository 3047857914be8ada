"""A gateway with a few clients, its status page in a headless browser, its metrics by promtool; with --images the pictures
of docs/images. Called by scripts/test-page."""
import argparse
import contextlib
import html
import html.parser
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import tty
import urllib.request

import ringgate

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
POLICY = """
version: 1
principals:
  agent: {uri: "ringgate://farm.example/agent/*"}
  admin: {uri: "ringgate://farm.example/admin/*"}
devices:
  board: {path: "@LINE@", profile: tty, open: read-write, lease: exclusive, labels: {rack: "3"}}
  "null": {path: /dev/null, profile: "null"}
rules:
  - {id: ping, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}
  - id: use-board
    principals: [agent]
    devices: [board]
    commands: [TIOCGWINSZ, {use: TIOCSWINSZ, where: {ws_row: {range: [1, 200]}}}]
    read: {max-length: 4KiB}
    write: {max-length: 4KiB}
  - {id: look, principals: [admin], devices: ["@gateway"], commands: [session.list, device.list, trace.read]}
"""
AGENT = "ringgate://farm.example/agent/ci-7"


class Tables(html.parser.HTMLParser):
    """The rows of each table of a document, by its id."""

    def __init__(self, text):
        super().__init__()
        self.rows, self._table, self._cell = {}, "", None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self._table = dict(attributes).get("id", "")
            self.rows[self._table] = []
        elif tag == "tr":
            self.rows[self._table].append([])
        elif tag == "td":
            self._cell = ""

    def handle_endtag(self, tag):
        if tag == "td":
            self.rows[self._table][-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data


class Site:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        for words in (["make-ca", folder], ["make-server", folder, "server", "127.0.0.1"],
                      ["make-client", folder, "agent", AGENT],
                      ["make-client", folder, "admin", "ringgate://farm.example/admin/1"]):
            subprocess.run([REPOSITORY / "certs" / words[0], *words[1:]], check=True, capture_output=True)
        self.master, slave = os.openpty()
        tty.setraw(slave)
        (folder / "policy.yaml").write_text(POLICY.replace("@LINE@", os.ttyname(slave)))
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [programs / "ringgated", "--listen", "127.0.0.1:0", "--certificate", folder / "server.crt",
             "--key", folder / "server.key", "--client-ca", folder / "ca.crt", "--policy", folder / "policy.yaml",
             "--profiles", REPOSITORY / "profiles", "--audit", folder / "audit", "--status", "127.0.0.1:0",
             "--port-file", folder / "port"], stderr=self.log)
        self.port = int(self.wait(lambda: (folder / "port").read_text() if (folder / "port").exists() else ""))
        self.page = "http://" + self.wait(
            lambda: (folder / "log").read_text().partition("status on http://")[2].partition("\n")[0])

    def wait(self, look):
        until = time.monotonic() + 20
        while not (found := look()):
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit("page: the gateway did not start:\n" + (self.folder / "log").read_text())
            time.sleep(0.02)
        return found

    def connect(self, name):
        files = [str(self.folder / file) for file in (f"{name}.crt", f"{name}.key", "ca.crt")]
        return ringgate.connect("127.0.0.1", self.port, *files)

    def ringctl(self, *words, name="admin", **options):
        environment = dict(
            os.environ, RINGGATE_HOST=f"127.0.0.1:{self.port}", RINGGATE_CA=str(self.folder / "ca.crt"),
            RINGGATE_CERT=str(self.folder / f"{name}.crt"), RINGGATE_KEY=str(self.folder / f"{name}.key"))
        return subprocess.Popen(
            [self.programs / "ringctl", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, **options)

    def close(self):
        self.process.terminate()
        self.process.wait(15)


@contextlib.contextmanager
def work(gateway):
    """What the page shall show: a holder, commands, one of them denied. The board is held meanwhile."""
    with gateway.lease("board", ttl=600), gateway.open("board") as board, gateway.open("null") as null:
        board.command("TIOCSWINSZ", ws_row=40, ws_col=100)
        board.command("TIOCGWINSZ")
        board.write(b"reboot\n")
        for _ in range(20):
            null.command("NULL_URING_CMD")
        with contextlib.suppress(ringgate.Denied):
            board.command("TIOCSWINSZ", ws_row=999)
        yield board


def browser(*words):
    """Chromium without a window; None when there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as profile:
        # Its own sandbox needs another user than root.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        return subprocess.run(
            [program, "--headless", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}", *sandbox,
             *words], check=True, capture_output=True, text=True, timeout=120).stdout


def expect(holds, text):
    if not holds:
        sys.exit(f"page: {text}")


def check_page(site):
    dom = browser("--dump-dom", site.page + "/")
    if dom is None:
        return print("page: skipped: there is no Chromium to show it in")
    rows = Tables(dom).rows
    devices = {row[0]: row for row in rows["devices"] if row}
    expect(devices.keys() == {"board", "null"}, f"the devices are {sorted(devices)}")
    expect(devices["board"][3] == AGENT, f"board is held by {devices['board'][3]!r}")
    expect(devices["board"][-1] == "1", f"board has {devices['board'][-1]} denials")
    expect(devices["null"][-2] == "20", f"null has {devices['null'][-2]} operations")
    denials = [row for row in rows["denials"] if row]
    expect([(row[1], row[2]) for row in denials] == [(AGENT, "board")], f"the denials are {denials}")
    expect("TIOCSWINSZ needs ws_row in 1..200" in denials[0][-1], f"the denial says {denials[0][-1]!r}")
    audit = [row for row in rows["audit"] if row]
    expect(any(row[2] == "intent" and "TIOCSWINSZ" in row[-1] for row in audit), f"the audit log has {audit}")
    print(f"page: {len(devices)} devices, the holder, the denial and {len(audit)} audit records are in the browser's document")


def check_metrics(site, promtool):
    text = urllib.request.urlopen(site.page + "/metrics", timeout=10).read()
    if not promtool:
        return print("page: skipped: there is no promtool to judge the metrics")
    run = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    expect(run.returncode == 0 and not run.stderr, f"promtool: {run.stdout.decode()}{run.stderr.decode()}")
    rules = subprocess.run(
        [promtool, "check", "rules", REPOSITORY / "deploy/prometheus/alerts.yaml"], capture_output=True, text=True)
    expect(rules.returncode == 0, f"promtool: {rules.stdout}{rules.stderr}")
    print("page: promtool accepts the metrics and the alerts")


def picture(text, title, path):
    """A terminal's text as a PNG."""
    lines = text.rstrip("\n").split("\n")
    page = (
        "<!doctype html><meta charset=utf-8><style>body{margin:0;background:#1e1e1e}h1{font:13px sans-serif;color:#aaa;"
        "margin:0;padding:8px 14px;background:#333}pre{color:#ddd;font:14px/1.35 monospace;margin:0;padding:12px 14px}"
        f"</style><h1>{html.escape(title)}</h1><pre>{html.escape(text)}</pre>")
    width = 40 + 9 * max(len(line) for line in lines)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "text.html"
        source.write_text(page)
        browser(f"--screenshot={path}", f"--window-size={width},{60 + 19 * len(lines)}", source.as_uri())


def make_images(site, board, folder):
    folder.mkdir(parents=True, exist_ok=True)
    expect(browser("--version") is not None, "there is no Chromium to make pictures with")
    browser(f"--screenshot={folder / 'status.png'}", "--window-size=1100,900", site.page + "/")
    picture(site.ringctl("top", "--count", "1").communicate(timeout=60)[0], "ringctl top", folder / "top.png")
    trace = site.ringctl("trace", "--device", "board", "--count", "5")
    trace.stderr.readline()
    with site.connect("agent") as other, contextlib.suppress(ringgate.RingError):
        other.open("board")
    board.command("TIOCSWINSZ", ws_row=24, ws_col=80)
    board.write(b"version\n")
    with contextlib.suppress(ringgate.Denied):
        board.command("TIOCSWINSZ", ws_row=999)
    board.command("TIOCGWINSZ")
    picture(trace.communicate(timeout=60)[0], "ringctl trace --device board", folder / "trace.png")
    print(f"page: pictures in {folder}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--promtool", default="")
    parser.add_argument("--images", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        site = Site(arguments.programs.resolve(), pathlib.Path(name))
        try:
            with site.connect("agent") as gateway, work(gateway) as board:
                # What only reads is on record a second later; reports are half a second old at most.
                time.sleep(2)
                check_metrics(site, arguments.promtool)
                check_page(site)
                if arguments.images:
                    make_images(site, board, arguments.images.resolve())
        finally:
            site.close()


if __name__ == "__main__":
    main()
