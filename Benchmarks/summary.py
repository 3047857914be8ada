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

from report import print_report

UNITS = {
    "commands-per-second": "commands answered per second, all connections together",
    "ratio-to-limit": "gateway / limit of the same pair",
    "grpc-ratio": "gateway / gRPC of the same pair, one connection, one TIOCGWINSZ a command",
    "client-ratio": "by way of RingClient / the load generator in C of the same pair, both with the gateway",
    "on-loop-ratio": "the same as client-ratio, the tasks on the connection's executor",
    "pool-ratio": "ioctl(2) by way of the gateway / on a local thread with a connection's depth, of the same pair",
    "dispatch-us": "p50 of a call on a worker - p50 of a command on the ring, of the same pair, microseconds",
    "recorded-ratio": "commands that are in the audit log before they run / the same without, of the same pair",
    "cpu-ns": "processor time of the server a command, nanoseconds, with all its threads",
    "chain-rtt": "time of 32 commands in one chain, in round-trip times of the network",
    "p50-us, p99-us": "microseconds from a command's frame being sent to its completion being read",
}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def side_summary(runs):
    summary = {
        "commands-per-second": spread([run["commands_per_second"] for run in runs]),
        "p50-us": spread([run["p50_us"] for run in runs]),
        "p99-us": spread([run["p99_us"] for run in runs]),
    }
    # Only the load generator says what it had answered in the warm-up, too.
    if all(run["server_ns"] and "all_commands" in run for run in runs):
        summary["cpu-ns"] = spread([run["server_ns"] / run["all_commands"] for run in runs])
    return summary


def by_point(records, series):
    """The runs of a series: (connections, depth) -> side -> pair -> run, in the order they were first run."""
    points = {}
    for record in records:
        if record["series"] != series:
            continue
        run = record["run"] | {"server_ns": record["server_ns"]}
        point = points.setdefault((run["connections"], run["depth"]), {})
        point.setdefault(record["side"], {})[record["pair"]] = run
    return points


def ratios(upper, lower):
    """By pair and not of the medians: the two runs of a pair saw the same machine."""
    values = [
        upper[pair]["commands_per_second"] / lower[pair]["commands_per_second"]
        for pair in sorted(upper.keys() & lower.keys())
    ]
    return spread(values) | {"pairs": values}


def point_summary(place, sides):
    connections, depth = place
    summary = {"point": f"{connections}x{depth}", "connections": connections, "depth": depth}
    for side, runs in sides.items():
        summary[side] = side_summary(list(runs.values()))
    for other, name in (("limit", "ratio-to-limit"), ("grpc", "grpc-ratio")):
        if {other, "gateway"} <= set(sides):
            summary[name] = ratios(sides["gateway"], sides[other])
    for client, name in (("client", "client-ratio"), ("on-loop", "on-loop-ratio")):
        if {client, "gateway"} <= set(sides):
            summary[name] = ratios(sides[client], sides["gateway"])
    return summary


def workers(records):
    """Calls of ioctl(2) on a device's worker, by way of the gateway, beside local pools that do nothing else.

    `ring` is the same load with a command that needs no worker.
    """
    points = {}
    for record in records:
        series, _, point = record["series"].partition(" ")
        if series == "workers":
            points.setdefault(point, {}).setdefault(record["side"], {})[record["pair"]] = record["run"]
    return [
        {"point": point}
        | {side: spread([run["commands_per_second"] for run in runs.values()]) for side, runs in sides.items()}
        | {f"{pool}-ratio": ratios(sides["gateway"], sides[pool]) for pool in ("pool", "pool-on-one")}
        | {"dispatch-us": dispatch(sides) if point == "1x1" else None}
        for point, sides in points.items()
    ]


def dispatch(sides):
    """What the way to the worker and back costs, with the call: not to be told from waiting when there is more than one."""
    calls, commands = sides["gateway"], sides["ring"]
    return spread([calls[pair]["p50_us"] - commands[pair]["p50_us"] for pair in calls])


def one_by_one(records):
    """One ioctl a call, one call after the other: the gateway and what else there is."""
    sides = by_point(records, "one").get((1, 1), {})
    summary = {side: side_summary(list(runs.values())) for side, runs in sides.items()}
    for side, runs in sides.items():
        if side != "gateway":
            summary[side]["gateway-ratio"] = ratios(sides["gateway"], runs)
    return summary


def recorded(records, logs):
    """Commands with a durable intent beside the same without one."""
    points = []
    for (connections, depth), sides in by_point(records, "recorded").items():
        point = {"point": f"{connections}x{depth}"}
        for side, runs in sides.items():
            point[side] = side_summary(list(runs.values()))
        if {"gateway", "recorded"} <= set(sides):
            point["recorded-ratio"] = ratios(sides["recorded"], sides["gateway"])
        points.append(point)
    path = logs / "filesystem"
    return {"points": points, "filesystem": path.read_text().strip()} if path.exists() else None


def opens(records):
    """Opening and closing a device: by way of the process that opens, and by the gateway itself."""
    sides = by_point(records, "opens").get((1, 1), {})
    return {side: side_summary(list(runs.values())) for side, runs in sides.items()}


def apart(records):
    """A device with a process of its own beside one that the gateway operates."""
    points = []
    for (connections, depth), sides in by_point(records, "apart").items():
        point = {"point": f"{connections}x{depth}"}
        for side, runs in sides.items():
            point[side] = side_summary(list(runs.values()))
        if {"gateway", "apart"} <= set(sides):
            point["apart-ratio"] = ratios(sides["apart"], sides["gateway"])
        points.append(point)
    return points


def payloads(records, logs):
    """Gigabytes (10^9) a second of reads of each size; the side of such a run is the size."""
    sides = by_point(records, "payload").get((1, 2), {})
    if not sides:
        return None
    commands = {
        size: spread([run["commands_per_second"] for run in runs.values()]) for size, runs in sides.items()
    }
    rates = {
        size: {key: value * int(size) / 1e9 for key, value in rate.items()} for size, rate in commands.items()
    }
    # openssl speed -mr: +F:number:name:bytes a second for each size.
    lines = (logs / "cipher").read_text().splitlines()
    cipher = [float(line.split(":")[-1]) / 1e9 for line in lines if line.startswith("+F:")]
    return {
        "commands-per-second": commands,
        "gigabytes-per-second": rates,
        "cipher-gigabytes-per-second": spread(cipher) if cipher else None,
    }


def chain_summary(line):
    """A line of `client-bench chain`; a chain over no network has no round-trip time to be measured in."""
    run = json.loads(line)
    chain, calls = run["chain_ms"], run["calls_ms"]
    in_round_trips = [time / run["rtt_ms"] for time in chain] if run["rtt_ms"] > 0 else None
    return {
        "rtt-ms": run["rtt_ms"],
        "elements": run["elements"],
        "chain-ms": spread(chain),
        "calls-ms": spread(calls),
        "chain-rtt": spread(in_round_trips) if in_round_trips else None,
        "calls-to-chain": statistics.median(calls) / statistics.median(chain),
    }


def chains(logs):
    path = logs / "chains"
    return [chain_summary(line) for line in path.read_text().splitlines()] if path.exists() else []


def local_rates(lines):
    """Commands a second of each series and batch of Benchmarks/local, in the order they were first run."""
    rates = {}
    for run in map(json.loads, lines):
        rates.setdefault((run["series"], run["batch"]), []).append(run["commands_per_second"])
    return [
        {"series": series, "batch": batch, "commands-per-second": spread(values)}
        for (series, batch), values in rates.items()
    ]


def optional(logs, name):
    path = logs / name
    return json.loads(path.read_text()) if path.exists() else None


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
        "tls-cipher": sorted({record["run"]["cipher"] for record in records if "cipher" in record["run"]}),
        "ring-flags": {side: text for side, text in flags.items() if text is not None},
        "units": UNITS,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--placement", required=True)
    parser.add_argument("--logs", required=True, type=pathlib.Path)
    parser.add_argument("--no-grpc", default="", help="why gRPC was not measured")
    parser.add_argument("--no-grpc-swift", default="", help="why gRPC in Swift was not measured")
    parser.add_argument("--no-ssh", default="", help="why ssh was not measured")
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("result", type=pathlib.Path)
    arguments = parser.parse_args()
    records = [json.loads(line) for line in arguments.runs.read_text().splitlines()]
    result = context(records, arguments.placement, arguments.logs) | {
        "points": [point_summary(*point) for point in by_point(records, "limit").items()],
        "grpc": [point_summary(*point) for point in by_point(records, "grpc").items()],
        "no-grpc": arguments.no_grpc or None,
        "grpc-swift": [point_summary(*point) for point in by_point(records, "grpc-swift").items()],
        "no-grpc-swift": arguments.no_grpc_swift or None,
        "clients": [point_summary(*point) for point in by_point(records, "clients").items()],
        "workers": workers(records),
        "one-by-one": one_by_one(records),
        "no-ssh": arguments.no_ssh or None,
        "recorded": recorded(records, arguments.logs),
        "opens": opens(records),
        "apart": apart(records),
        "payloads": payloads(records, arguments.logs),
        "chains": chains(arguments.logs),
        "local": local_rates((arguments.logs / "local").open()) if (arguments.logs / "local").exists() else None,
        "swift-client": optional(arguments.logs, "calls"),
        "footprint": optional(arguments.logs, "footprint"),
    }
    arguments.result.write_text(json.dumps(result, indent=2) + "\n")
    print_report(result)


if __name__ == "__main__":
    main()
