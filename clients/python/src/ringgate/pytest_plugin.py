"""Fixtures for tests that use devices behind a gateway. Where it is, the environment says, as for ``ringctl``.

>>> def test_the_board_boots(ring_device):
...     board = ring_device("board")          # leased while the test runs, where the site leases it
...     board.write(b"boot\\n")

A test that fails has the last calls of its devices in its report.
"""
from __future__ import annotations

import contextlib
from typing import Any, Callable, Generator, Iterator, List

import pytest

from .client import Client, connect_from_environment
from .device import Device
from .errors import Refused
from .wire import Reason

_WAIT = 600.0
_HISTORY = pytest.StashKey[List[Client]]()


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("ringgate")
    group.addoption(
        "--ring-wait", type=float, default=_WAIT, metavar="SECONDS",
        help=f"how long to wait for a device that somebody else has (default {_WAIT:.0f})")


@pytest.fixture(scope="session")
def ring() -> Iterator[Client]:
    """The connection to the gateway, one for all tests of a session."""
    with connect_from_environment() as client:
        yield client


@pytest.fixture
def ring_device(ring: Client, request: Any) -> Iterator[Callable[[str], Device]]:
    """Opens devices by their names; they are closed, and their leases released, when the test is over."""
    ring.history.clear()
    request.node.stash.setdefault(_HISTORY, []).append(ring)
    wait = request.config.getoption("--ring-wait")
    with contextlib.ExitStack() as stack:
        def opened(name: str) -> Device:
            try:
                stack.enter_context(ring.lease(name, wait=wait))
            except Refused as refused:
                # A device that nobody can lease is everybody's.
                if refused.reason != Reason.SHAPE:
                    raise
            return stack.enter_context(ring.open(name))

        yield opened


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, None]:
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for client in item.stash.get(_HISTORY, []):
            lines = [f"{what}: {outcome}" for what, outcome in client.history]
            report.sections.append((f"ringgate session {client.session}", "\n".join(lines)))
