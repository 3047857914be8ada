"""Writes the tables of docs/performance/README.md anew from a run's results: tables.py RESULTS README.

Each table lies between `<!-- NAME -->` and `<!-- end -->`; the prose around them is written by people.
"""

import json
import pathlib
import re
import sys


def whole(value):
    return f"{value:,.0f}"


def median(value, form=whole):
    return form(value["median"]) if value else "-"


def spread(value, form):
    return f"{form(value['median'])} ({form(value['min'])} to {form(value['max'])})" if value else "-"


def decimals(count):
    return lambda value: f"{value:.{count}f}"


def table(head, rows):
    lines = [" | ".join(map(str, line)) for line in (head, *rows)]
    lines = [f"| {line} |".replace("|  |", "| |") for line in lines]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def rate(point, side):
    return median(point[side]["commands-per-second"]) if side in point else "-"


def points(result):
    rows = [
        [
            point["point"], rate(point, "limit"), rate(point, "gateway"), spread(point["ratio-to-limit"], decimals(2)),
            median(point["gateway"].get("cpu-ns")), median(point["limit"].get("cpu-ns")),
        ]
        for point in result["points"]
    ]
    footprint = result["footprint"]
    rows.append([
        "10x32, 1,000 more idle", "-", median(footprint["commands-per-second-with-1000-sessions"]),
        spread(footprint["ratio-to-limit-with-1000-sessions"], decimals(2)), "-", "-",
    ])
    head = ["connections x depth", "limit server, commands a second", "gateway, commands a second", "ratio-to-limit"]
    return table([*head, "cpu-ns, gateway", "cpu-ns, limit server"], rows)


def clients(result):
    rows = [
        [
            point["point"], rate(point, "gateway"), rate(point, "client"), spread(point["client-ratio"], decimals(2)),
            rate(point, "on-loop"), spread(point["on-loop-ratio"], decimals(2)),
            " / ".join(f"{point[side]['p50-us']['median']:.0f}" for side in ("gateway", "client", "on-loop")),
        ]
        for point in result["clients"]
    ]
    head = ["connections x depth", "load generator in C, commands a second", "RingClient, commands a second", "client-ratio"]
    return table([*head, "on the connection's executor", "client-ratio", "microseconds, median, of the three"], rows)


def workers(result):
    rows = [
        [
            point["point"], median(point["gateway"]), median(point["pool"]), spread(point["pool-ratio"], decimals(2)),
            median(point["pool-on-one"]), spread(point["pool-on-one-ratio"], decimals(2)),
            spread(point["dispatch-us"], decimals(1)),
        ]
        for point in result["workers"]
    ]
    head = ["connections x depth", "by way of the gateway, a second", "local pool on two processors", "ratio"]
    return table([*head, "local pool on one processor", "ratio", "dispatch, microseconds"], rows)


def calls(result):
    client = result["swift-client"]
    return table(["", "median (least to greatest)"], [
        ["one awaited call", f"{client['call_p50_us']:.0f} us, p99 {client['call_p99_us']:.0f} us"],
        [
            f"batches of {client['batch']}, four under way, client and gateway in one process",
            f"{whole(client['batched_commands_per_second'])} commands a second",
        ],
    ])


def recorded(result):
    rows = [
        [
            point["point"], rate(point, "gateway"), rate(point, "recorded"), spread(point["recorded-ratio"], decimals(3)),
            median(point["recorded"]["p50-us"]),
        ]
        for point in result["recorded"]["points"]
    ]
    head = ["connections x depth", "counted only, commands a second", "recorded, commands a second"]
    return table([*head, "recorded / counted", "microseconds, median"], rows)


def grpc(result):
    swift = {point["depth"]: point for point in result["grpc-swift"]}
    rows = []
    for point in result["grpc"]:
        row = [point["depth"], rate(point, "grpc"), rate(point, "gateway"), spread(point["grpc-ratio"], decimals(1))]
        other = swift.get(point["depth"], {})
        row += [rate(other, "grpc"), rate(other, "gateway"), spread(other.get("grpc-ratio"), decimals(1))]
        rows.append(row)
    head = ["depth", "gRPC in Python, ioctls a second", "gateway beside it", "grpc-ratio"]
    return table([*head, "gRPC in Swift, ioctls a second", "gateway beside it", "grpc-ratio"], rows)


def one(result):
    names = {
        "gateway": "the gateway, mutual TLS, policy", "request": "a daemon with request and response, no TLS, no policy",
        "ssh": "`ssh` with a master connection",
    }
    rows = [
        [
            names[side], median(summary["commands-per-second"]), median(summary["p50-us"]),
            spread(summary["gateway-ratio"], decimals(2)) if "gateway-ratio" in summary else "1",
        ]
        for side, summary in result["one-by-one"].items()
    ]
    return table(["", "ioctls a second", "microseconds a call, median", "gateway's rate / this"], rows)


def opens(result):
    names = {"gateway": "by the process that opens devices", "itself": "by the gateway itself (`sandbox: off`)"}
    rows = [[names[side], spread(result["opens"][side]["p50-us"], whole)] for side in names]
    return table(["an open with its close", "microseconds"], rows)


def apart(result):
    rows = [
        [
            point["point"], *(median(point[side]["commands-per-second"]) for side in ("gateway", "apart")),
            spread(point["apart-ratio"], decimals(2)), *(median(point[side]["p50-us"]) for side in ("gateway", "apart")),
        ]
        for point in result["apart"]
    ]
    return table(
        ["", "in the gateway, a second", "in its own process, a second", "ratio", "microseconds in the gateway", "in its own process"],
        rows)


def chains(result):
    rows = [
        [
            chain["rtt-ms"], median(chain["chain-ms"], decimals(2)), median(chain["calls-ms"], decimals(1)),
            spread(chain["chain-rtt"], decimals(3)),
        ]
        for chain in result["chains"]
    ]
    return table(["round-trip time, ms", "chain of 32, ms", "32 calls, ms", "chain-rtt"], rows)


def footprint(result):
    found = result["footprint"]
    return table(["", "median (least to greatest)"], [
        ["start until listening", f"{spread(found['start-ms'], whole)} ms"],
        ["resident memory, idle, all profiles loaded", f"{spread(found['idle-rss-kib'], whole)} KiB"],
        ["the process that opens devices, beside what it shares", f"{spread(found['opener-own-kib'], whole)} KiB"],
        ["an idle session adds", f"{found['idle-session-kib']:.0f} KiB"],
        ["a command's cost with 1,000 idle sessions, with 10 = 1", spread(found["cost-with-1000-sessions"], decimals(2))],
        [
            "1,000 idle sessions cost a day",
            f"{whole(found['processor-seconds-a-day-with-1000-idle-sessions'])} s of processor time, from five seconds",
        ],
    ])


def payloads(result):
    found = result["payloads"]
    cipher = found["cipher-gigabytes-per-second"]
    rows = [
        [
            whole(int(size)), median(found["commands-per-second"][size]), spread(found["gigabytes-per-second"][size], decimals(3)),
            f"{100 * found['gigabytes-per-second'][size]['median'] / cipher['median']:.0f} % of the cipher",
        ]
        for size in found["commands-per-second"]
    ]
    rows.append(["AES-256-GCM (`openssl speed`, one processor)", "", spread(cipher, decimals(2)), ""])
    return table(["bytes a read", "reads a second", "GB/s", ""], rows)


def local(result):
    rows = [[rate["series"], rate["batch"], spread(rate["commands-per-second"], whole)] for rate in result["local"]]
    return table(["series", "batch", "commands a second"], rows)


TABLES = (points, clients, calls, workers, recorded, grpc, one, opens, apart, chains, footprint, payloads, local)


def main():
    result = json.loads(pathlib.Path(sys.argv[1]).read_text())
    page = pathlib.Path(sys.argv[2])
    text = page.read_text()
    for make in TABLES:
        place = re.compile(rf"(<!-- {make.__name__} -->\n).*?(<!-- end -->)", re.DOTALL)
        if len(place.findall(text)) != 1:
            sys.exit(f"{page}: no single place for the table {make.__name__}")
        text = place.sub(lambda found, made=make(result): found[1] + made + "\n" + found[2], text)
    page.write_text(text)


if __name__ == "__main__":
    main()
