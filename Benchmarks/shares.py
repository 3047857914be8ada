"""Where a command's processor time goes: turns the profiles of `scripts/bench --shares` into nanoseconds of each part.

shares.py --placement TEXT FOLDER reads FOLDER/runs and, for each side and point, FOLDER/shares-SIDE-POINT: lines of
`perf report -F overhead,dso,symbol -t '|'`.
"""

import argparse
import json
import pathlib
import platform
import re

# The first that matches a line's program and symbol, which is mangled. What the compiler has put into a function counts with
# that: deciding is a part of admitting.
PARTS = [
    ("kernel: network", r"\[kernel[^|]*\|.*(tcp|sock|skb|inet|ip_|net|nf_|loopback|dev_|recv|send|fib|dst_)"),
    ("kernel: ring and device", r"\[kernel[^|]*\|.*(io_|uring|null|fget|rw_verify)"),
    ("kernel: all else", r"\[kernel"),
    ("TLS", r"lib(crypto|ssl)|\|.*(aes|gcm|EVP_|SSL_|ssl3|tls1|CRYPTO|BIO_)"),
    ("memory", r"malloc|free|memcpy|memmove|memset|swift_(retain|release|alloc)"),
    ("results: to take and answer", r"takePlain|[nN]extPlain|answer|omplet|[Oo]utbox"),
    ("engine: to hand over", r"RingEngine.*(submit|take)|io_uring_get_sqe"),
    ("entries: to decide and admit", r"RingPolicy|RingProtocol|admit|decode|receive|accept|[Ss]equencer"),
]


def part_of(program, symbol):
    text = f"{program}|{symbol}"
    return next((name for name, pattern in PARTS if re.search(pattern, text)), "all else")


def parts(path):
    """Share of each part of all samples, 0 to 1."""
    shares = {}
    for line in path.read_text(errors="replace").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 3 or not cells[0].endswith("%"):
            continue
        name = part_of(cells[1], cells[2])
        shares[name] = shares.get(name, 0) + float(cells[0].rstrip("%")) / 100
    return shares


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--placement", required=True)
    parser.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()
    print(f"kernel {platform.release()}, {arguments.placement}; nanoseconds a command, server side")
    costs, names = {}, [name for name, _ in PARTS] + ["all else"]
    for line in (arguments.folder / "runs").read_text().splitlines():
        record = json.loads(line)
        run = record["run"]
        column = f"{record['side']} {run['connections']}x{run['depth']}"
        cost = record["server_ns"] / run["all_commands"]
        shares = parts(arguments.folder / f"shares-{column.replace(' ', '-')}")
        costs[column] = {name: share * cost for name, share in shares.items()} | {"sum": cost}
    print(f"{'':<34}" + "".join(f"{column:>18}" for column in costs))
    for name in [*names, "sum"]:
        print(f"{name:<34}" + "".join(f"{column.get(name, 0):>18.1f}" for column in costs.values()))


if __name__ == "__main__":
    main()
