"""Prints what summary.py has made of the runs of scripts/bench."""


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
    for name, meaning in result["units"].items():
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
    print_workers(result["workers"])
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
    row = "{:<8} {:<34} {:<34} {:<22} {:<34} {}"
    print("\n" + row.format(
        "point", "C commands-per-second", "RingClient commands-per-second", "client-ratio", "on its executor",
        "on-loop-ratio"))
    for point in points:
        rates = [cell(point[side]["commands-per-second"], ",.0f") for side in ("gateway", "client", "on-loop")]
        print(row.format(
            point["point"], *rates[:2], cell(point["client-ratio"], ".3f"), rates[2], cell(point["on-loop-ratio"], ".3f")))


def print_workers(points):
    if not points:
        return
    row = "{:<8} {:<32} {:<32} {:<22} {:<34} {:<22} {}"
    print("\n" + row.format(
        "point", "ioctls a second", "local pool, two processors", "pool-ratio", "local pool, one processor", "pool-ratio",
        "dispatch-us"))
    for point in points:
        print(row.format(
            point["point"], cell(point["gateway"], ",.0f"), cell(point["pool"], ",.0f"), cell(point["pool-ratio"], ".3f"),
            cell(point["pool-on-one"], ",.0f"), cell(point["pool-on-one-ratio"], ".3f"), cell(point["dispatch-us"], ".1f")))


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
