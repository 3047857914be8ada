"""Draws what scripts/bench measured: plots.py RESULT.json FOLDER writes three SVG files into the folder."""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
# The same figures give the same file.
matplotlib.rcParams["svg.hashsalt"] = "ringgate"
import matplotlib.pyplot as plt  # noqa: E402

BLUE, GREY = "#2b6cb0", "#a0aec0"


def medians_with_errors(spreads):
    medians = [spread["median"] for spread in spreads]
    below = [spread["median"] - spread["min"] for spread in spreads]
    above = [spread["max"] - spread["median"] for spread in spreads]
    return medians, [below, above]


def save(figure, result, path):
    machine, day = result["machine"], result["date"][:10]
    figure.text(
        0.99, 0.01, f"{machine['processor']}, {machine['cores']} cores, Linux {result['kernel']}, {day}",
        ha="right", fontsize=6, color="#4a5568")
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def plot_ratios(result, path):
    points = [point for point in result["points"] if "ratio-to-limit" in point]
    medians, errors = medians_with_errors([point["ratio-to-limit"] for point in points])
    figure, axes = plt.subplots(figsize=(7, 3.2))
    axes.bar([point["point"] for point in points], medians, yerr=errors, capsize=3, color=BLUE)
    axes.axhline(1, color=GREY, linewidth=1)
    axes.set_xlabel("connections x depth")
    axes.set_ylabel("rate, limit server = 1")
    axes.set_title("The gateway beside a server without policy", fontsize=10)
    save(figure, result, path)


def plot_grpc(result, path):
    points = result["grpc"]
    figure, axes = plt.subplots(figsize=(7, 3.2))
    places = range(len(points))
    for offset, side, colour in ((-0.2, "grpc", GREY), (0.2, "gateway", BLUE)):
        medians, errors = medians_with_errors([point[side]["commands-per-second"] for point in points])
        axes.bar([place + offset for place in places], medians, 0.4, yerr=errors, capsize=3, color=colour, label=side)
    axes.set_yscale("log")
    axes.set_xticks(list(places), [f"depth {point['depth']}" for point in points])
    axes.set_ylabel("ioctls per second")
    axes.set_title("One ioctl (TIOCGWINSZ), one TLS connection", fontsize=10)
    axes.legend(fontsize=8)
    save(figure, result, path)


def plot_chains(result, path):
    chains = result["chains"]
    figure, axes = plt.subplots(figsize=(7, 3.2))
    times = [chain["rtt-ms"] for chain in chains]
    axes.plot(times, [chain["calls-ms"]["median"] for chain in chains], "o-", color=GREY, label="32 calls")
    axes.plot(times, [chain["chain-ms"]["median"] for chain in chains], "o-", color=BLUE, label="one chain of 32")
    axes.set_yscale("log")
    axes.set_xlabel("round-trip time of the network, ms")
    axes.set_ylabel("ms until all are answered")
    axes.set_title("32 commands in order", fontsize=10)
    axes.legend(fontsize=8)
    save(figure, result, path)


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: plots.py RESULT.json FOLDER")
    result = json.loads(pathlib.Path(sys.argv[1]).read_text())
    folder = pathlib.Path(sys.argv[2])
    plot_ratios(result, folder / "ratio-to-limit.svg")
    if result["grpc"]:
        plot_grpc(result, folder / "grpc.svg")
    if result["chains"]:
        plot_chains(result, folder / "chains.svg")


if __name__ == "__main__":
    main()
