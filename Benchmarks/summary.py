"""Turns the runs of scripts/bench into a table and a JSON file that use the same names."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

UNITS = {
    "commands-per-second": "commands answered per second, all connections together",
    "ratio-to-limit": "gateway / limit of the same pair",
    "p50-us, p99-us": "microseconds from a command's frame being sent to its completion being read",
}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def side_summary(runs):
    return {
        "commands-per-second": spread([run["commands_per_second"] for run in runs]),
        "p50-us": spread([run["p50_us"] for run in runs]),
        "p99-us": spread([run["p99_us"] for run in runs]),
    }


def summarize(records):
    """One dictionary a point, in the order the points were first run."""
    points = {}
    for record in records:
        run = record["run"]
        point = points.setdefault((run["connections"], run["depth"]), {})
        point.setdefault(record["side"], {})[record["pair"]] = run
    return [point_summary(*place, sides) for place, sides in points.items()]


def point_summary(connections, depth, sides):
    summary = {"point": f"{connections}x{depth}", "connections": connections, "depth": depth}
    for side, runs in sides.items():
        summary[side] = side_summary(list(runs.values()))
    if set(sides) == {"limit", "gateway"}:
        # By pair and not of the medians: the two runs of a pair saw the same machine.
        limit, gateway = sides["limit"], sides["gateway"]
        ratios = [
            gateway[pair]["commands_per_second"] / limit[pair]["commands_per_second"]
            for pair in sorted(limit.keys() & gateway.keys())
        ]
        summary["ratio-to-limit"] = spread(ratios) | {"pairs": ratios}
    return summary


def processor():
    match = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1) if match else platform.machine()


def ring_flags(logs, side):
    """What the server itself said: a flag the kernel did not grant must not be claimed here."""
    log = logs / f"{side}.log"
    if not log.exists():
        return None
    match = re.search(r"ring flags: ([A-Z_|0-9]+)", log.read_text(errors="replace"))
    return match.group(1) if match else "not reported"


def commit():
    described = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return described.stdout.strip() or "unknown"


def context(records, placement, logs):
    flags = {side: ring_flags(logs, side) for side in ("limit", "gateway")}
    return {
        "machine": {"processor": processor(), "cores": os.cpu_count(), "placement": placement},
        "kernel": platform.release(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "tls-cipher": sorted({record["run"]["cipher"] for record in records}),
        "ring-flags": {side: text for side, text in flags.items() if text is not None},
        "units": UNITS,
    }


def cell(values, form):
    if values is None:
        return "-"
    median, least, greatest = (format(values[key], form) for key in ("median", "min", "max"))
    return f"{median} [{least} {greatest}]"


def print_report(result):
    machine = result["machine"]
    print(f"machine     {machine['processor']}, {machine['cores']} cores, {machine['placement']}")
    for key in ("kernel", "date", "commit"):
        print(f"{key:<11} {result[key]}")
    print(f"tls-cipher  {', '.join(result['tls-cipher'])}")
    for side, flags in result["ring-flags"].items():
        print(f"ring-flags  {side}: {flags}")
    for name, meaning in UNITS.items():
        print(f"unit        {name}: {meaning}")
    print("values      median [min max]; a point is connections x depth\n")
    head = ("point", "limit commands-per-second", "gateway commands-per-second", "ratio-to-limit")
    row = "{:<8} {:<34} {:<34} {}"
    print(row.format(*head))
    for point in result["points"]:
        rates = [point.get(side, {}).get("commands-per-second") for side in ("limit", "gateway")]
        ratio = cell(point.get("ratio-to-limit"), ".3f")
        print(row.format(point["point"], *(cell(rate, ",.0f") for rate in rates), ratio))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--placement", required=True)
    parser.add_argument("--logs", required=True, type=pathlib.Path)
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("result", type=pathlib.Path)
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.runs.read_text().splitlines()]
    result = context(records, arguments.placement, arguments.logs) | {"points": summarize(records)}
    arguments.result.write_text(json.dumps(result, indent=2) + "\n")
    print_report(result)


if __name__ == "__main__":
    main()
