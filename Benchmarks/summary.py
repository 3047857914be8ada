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
    "grpc-ratio": "gateway / gRPC of the same pair, one connection, one TIOCGWINSZ a command",
    "client-ratio": "by way of RingClient / the load generator in C of the same pair, both with the gateway",
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
    if {"client", "gateway"} <= set(sides):
        summary["client-ratio"] = ratios(sides["client"], sides["gateway"])
    return summary


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
    print("values      median [min max]; a point is connections x depth")
    print_points(result["points"], "limit", "ratio-to-limit")
    if result["grpc"]:
        print_points(result["grpc"], "grpc", "grpc-ratio")
    elif result["no-grpc"]:
        print(f"\ngrpc-ratio  skipped: {result['no-grpc']}")
    if result["grpc-swift"]:
        print_points(result["grpc-swift"], "grpc", "grpc-ratio", "in Swift: ")
    elif result["no-grpc-swift"]:
        print(f"\ngRPC in Swift is skipped: {result['no-grpc-swift']}")
    print_clients(result["clients"])
    print_one_by_one(result["one-by-one"], result["no-ssh"])
    print_recorded(result["recorded"])
    print_opens(result["opens"])
    print_apart(result["apart"])
    print_payloads(result["payloads"])
    print_chains(result["chains"])
    if result["local"]:
        print_local(result["local"])
    if result["swift-client"]:
        print("\nSwift client, beside its gateway: {call_p50_us:.1f} us a call (p99 {call_p99_us:.1f}), "
              "{batched_commands_per_second:,.0f} commands a second in batches of {batch}"
              .format(**result["swift-client"]))
    if result["footprint"]:
        print_footprint(result["footprint"])


def print_footprint(footprint):
    print(f"\nstart to listening          {cell(footprint['start-ms'], '.1f')} ms")
    print(f"resident memory, idle       {cell(footprint['idle-rss-kib'], ',.0f')} KiB")
    print(f"opener, its own memory      {cell(footprint['opener-own-kib'], ',.0f')} KiB")
    print(f"an idle session adds        {footprint['idle-session-kib']:.1f} KiB")
    print(f"a command's cost with 1,000 idle sessions / with 10: {cell(footprint['cost-with-1000-sessions'], '.3f')}")
    print(f"1,000 sessions idle, 10x32  {cell(footprint['commands-per-second-with-1000-sessions'], ',.0f')} commands a "
          f"second, ratio-to-limit {cell(footprint['ratio-to-limit-with-1000-sessions'], '.3f')}")
    print(f"1,000 idle sessions cost    {footprint['processor-seconds-a-day-with-1000-idle-sessions']:.1f} s of "
          "processor time a day")


def print_points(points, other, ratio, title=""):
    row = "{:<8} {:<34} {:<34} {:<22} {}"
    print("\n" + row.format(
        "point", f"{title}{other} commands-per-second", "gateway commands-per-second", ratio, "gateway cpu-ns"))
    for point in points:
        rates = [point.get(side, {}).get("commands-per-second") for side in (other, "gateway")]
        print(row.format(
            point["point"], *(cell(rate, ",.0f") for rate in rates), cell(point.get(ratio), ".3f"),
            cell(point.get("gateway", {}).get("cpu-ns"), ",.0f")))


def print_clients(points):
    if not points:
        return
    row = "{:<8} {:<34} {:<34} {}"
    print("\n" + row.format("point", "C commands-per-second", "RingClient commands-per-second", "client-ratio"))
    for point in points:
        rates = [cell(point[side]["commands-per-second"], ",.0f") for side in ("gateway", "client")]
        print(row.format(point["point"], *rates, cell(point["client-ratio"], ".3f")))


def print_local(rates):
    print("\nwithout a network: ioctl is ioctl(2), TIOCGWINSZ on a pty; pool the same on a thread of its own; ring "
          "URING_CMD\non /dev/null; batch is commands per io_uring_enter(2), or unanswered")
    print(f"{'series':<8} {'batch':>5}  commands-per-second")
    for rate in rates:
        print(f"{rate['series']:<8} {rate['batch']:>5}  {cell(rate['commands-per-second'], ',.0f')}")


def print_one_by_one(sides, no_ssh):
    if not sides:
        return
    row = "{:<8} {:<34} {:<26} {}"
    print("\n" + row.format("at 1x1", "ioctls a second", "p50-us", "gateway / this"))
    for side, summary in sides.items():
        ratio = cell(summary.get("gateway-ratio"), ".3f")
        print(row.format(
            side, cell(summary["commands-per-second"], ",.0f"), cell(summary["p50-us"], ",.0f"), ratio))
    if no_ssh:
        print(f"ssh      skipped: {no_ssh}")


def print_recorded(recorded):
    if not recorded:
        return
    row = "{:<8} {:<34} {:<34} {:<22} {}"
    print(f"\nwith a durable intent each, beside the same without a record; the log is on {recorded['filesystem']}")
    print(row.format("point", "without commands-per-second", "recorded commands-per-second", "ratio", "recorded p50-us"))
    for point in recorded["points"]:
        sides = [point[side]["commands-per-second"] for side in ("gateway", "recorded")]
        print(row.format(
            point["point"], *(cell(side, ",.0f") for side in sides), cell(point["recorded-ratio"], ".3f"),
            cell(point["recorded"]["p50-us"], ",.0f")))


def print_opens(sides):
    if not sides:
        return
    print("\nan open with its close, p50-us: {} by the process that opens devices, {} by the gateway itself".format(
        *(cell(sides[side]["p50-us"], ",.0f") for side in ("gateway", "itself"))))


def print_apart(points):
    if not points:
        return
    row = "{:<8} {:<34} {:<34} {:<22} {:<22} {}"
    print("\n" + row.format(
        "point", "device in the gateway, a second", "in its own process, a second", "ratio", "p50-us", "own p50-us"))
    for point in points:
        rates = [cell(point[side]["commands-per-second"], ",.0f") for side in ("gateway", "apart")]
        times = [cell(point[side]["p50-us"], ",.0f") for side in ("gateway", "apart")]
        print(row.format(point["point"], *rates, cell(point["apart-ratio"], ".3f"), *times))


def print_payloads(payloads):
    if not payloads:
        return
    print("\nread of bytes   GB/s (10^9), one connection, depth 2   commands a second")
    for size, rate in payloads["gigabytes-per-second"].items():
        commands = cell(payloads["commands-per-second"][size], ",.0f")
        print(f"{int(size):>13,}   {cell(rate, '.3f'):<38} {commands}")
    print(f"  AES-256-GCM   {cell(payloads['cipher-gigabytes-per-second'], '.3f')} (openssl speed, one processor)")


def print_chains(chains):
    if not chains:
        return
    row = "{:<8} {:<26} {:<30} {:<24} {}"
    print("\n" + row.format("rtt-ms", "chain of 32, ms", "32 calls, ms", "chain-rtt", "calls-to-chain"))
    for chain in chains:
        print(row.format(
            chain["rtt-ms"], cell(chain["chain-ms"], ".2f"), cell(chain["calls-ms"], ".2f"),
            cell(chain["chain-rtt"], ".3f"), f"{chain['calls-to-chain']:.1f}"))


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
