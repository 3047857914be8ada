"""The fixtures, as a test suite has them."""
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from . import site

SUITE = """
import ringgate

def test_a_device_is_ours(ring, ring_device):
    null = ring_device("null")
    assert null.command("NULL_URING_CMD").result == 0
    leases = ring.administer("session.list")
    assert leases["sessions"]

def test_what_fails_shows_its_last_calls(ring_device):
    line = ring_device("line")
    line.command("TIOCSWINSZ", ws_row=40, ws_col=100)
    assert line.command("TIOCGWINSZ")["ws_row"] == 41

def test_the_next_has_it_again(ring_device):
    assert ring_device("null").command("NULL_URING_CMD").result == 0
"""
HAS_PYTEST = importlib.util.find_spec("pytest") is not None


@unittest.skipUnless(site.GATEWAY, "skipped: RINGGATE_GATEWAY names no gateway")
@unittest.skipUnless(HAS_PYTEST, "skipped: pytest is not installed")
class Plugin(unittest.TestCase):
    def test_devices_are_leased_and_failures_show_their_calls(self):
        with site.Site() as one, tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "test_suite.py").write_text(SUITE)
            environment = dict(os.environ, **one.environment())
            plugin = [] if self.is_installed() else ["-p", "ringgate.pytest_plugin"]
            run = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", *plugin, folder], env=environment, capture_output=True,
                text=True, timeout=120)
            self.assertIn("1 failed, 2 passed", run.stdout, run.stdout + run.stderr)
            self.assertIn("TIOCSWINSZ on line: result 0", run.stdout)
            self.assertIn("TIOCGWINSZ on line: result 0", run.stdout)

    @staticmethod
    def is_installed():
        with_entry_points = subprocess.run(
            [sys.executable, "-c", "import importlib.metadata as m; m.distribution('ringgate')"], capture_output=True)
        return with_entry_points.returncode == 0


if __name__ == "__main__":
    unittest.main()
