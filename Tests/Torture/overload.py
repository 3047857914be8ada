"""Ten times what a device can do (T4)."""
import json

# include/uapi/asm-generic/ioctls.h
TIOCGWINSZ = 0x5413
MEMORY_KIB = 256 << 10
CLIENTS = 10


def load(gateway, options, clients, depth, seconds):
    """Commands done a second and refused as busy, by clients that try again when the refusal says. Any other failure ends the
    load generator."""
    run = gateway.loadgen(options, seconds, clients, depth, device="line", code=TIOCGWINSZ, reply=8, waits=True)
    output, complaint = run.communicate(timeout=seconds + 60)
    if run.returncode != 0:
        return 0, 0, complaint.strip()
    result = json.loads(output)
    return result["commands_per_second"], result["busy"], None


def overload(gateway, options):
    """A worker takes 1,024 calls at a time. Peak is what it does for the same clients when each wants a tenth as much: with fewer
    of them the difference would be that of their number."""
    seconds = 5 if options.full else 2
    load(gateway, options, CLIENTS, 100, 0.5)
    peaks, goods, busy, failures = [], [], 0, []
    for _ in range(5):
        peak, _, failure = load(gateway, options, CLIENTS, 100, seconds)
        good, refused, other = load(gateway, options, CLIENTS, 1000, seconds)
        peaks.append(peak)
        goods.append(good)
        busy += refused
        failures += [one for one in (failure, other) if one]
    ratio = sorted(good / peak for good, peak in zip(goods, peaks) if peak)[len(peaks) // 2] if not failures else 0
    most = gateway.status("VmHWM")
    return {
        "peak-per-second": sorted(peaks)[2], "goodput-per-second": sorted(goods)[2], "goodput-to-peak": ratio,
        "busy": busy, "other-failures": failures[:3], "most-memory-kib": most,
        # How much of the peak is done is held in the long run alone, as other speeds are.
        "kept": busy > 0 and not failures and most < MEMORY_KIB and min(goods) > 0 and (not options.full or ratio >= 0.9),
    }
