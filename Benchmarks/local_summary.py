"""Turns the runs of Benchmarks/local, read from standard input, into a table."""

import os
import platform
import sys

from report import print_local
from summary import commit, local_rates, processor


def main():
    print(f"machine     {processor()}, {os.cpu_count()} cores, not pinned")
    print(f"kernel      {platform.release()}")
    print(f"commit      {commit()}")
    print("ring-flags  SINGLE_ISSUER|DEFER_TASKRUN")
    print_local(local_rates(sys.stdin))


if __name__ == "__main__":
    main()
