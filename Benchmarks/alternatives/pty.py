"""Holds a pseudo-terminal open until it is ended; its path is written to the file named."""

import os
import pathlib
import signal
import sys

master, slave = os.openpty()
pathlib.Path(sys.argv[1]).write_text(f"{os.ttyname(slave)}\n")
signal.pause()
