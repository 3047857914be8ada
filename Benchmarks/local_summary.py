"""Turns the runs of Benchmarks/local, read from standard input, into a table."""

import json
import os
import platform
import sys

from summary import cell, commit, processor, spread


def rates_by_series(runs):
    """Commands per second of each series and batch, in the order they were first run."""
    rates = {}
    for run in runs:
        rates.setdefault((run["series"], run["batch"]), []).append(run["commands_per_second"])
    return rates


def main():
    runs = [json.loads(line) for line in sys.stdin]
    print(f"machine     {processor()}, {os.cpu_count()} cores, one thread, not pinned")
    print(f"kernel      {platform.release()}")
    print(f"commit      {commit()}")
    print("ring-flags  SINGLE_ISSUER|DEFER_TASKRUN")
    print("series      ioctl: ioctl(2), TIOCGWINSZ on a pty; ring: URING_CMD on /dev/null")
    print("values      commands per second, median [min max]; batch is commands per io_uring_enter(2)\n")
    print(f"{'series':<8} {'batch':>5}  commands-per-second")
    for (series, batch), rates in rates_by_series(runs).items():
        print(f"{series:<8} {batch:>5}  {cell(spread(rates), ',.0f')}")


if __name__ == "__main__":
    main()
