"""A closed loop of unary calls against grpc_server.py, `depth` of them unanswered on one channel; one line of JSON."""

import argparse
import collections
import json
import pathlib
import time

import grpc

METHOD = "/ringgate.bench.Device/Ioctl"
WARM_UP_SECONDS = 0.3


def run(call, depth, seconds):
    """The seconds of each call answered in time, from being sent to its reply being there."""
    started = collections.deque()
    times = []
    begin = time.monotonic() + WARM_UP_SECONDS
    end = begin + seconds
    while True:
        now = time.monotonic()
        if now >= end:
            break
        while len(started) < depth:
            started.append((time.monotonic(), call.future(b"")))
        sent, future = started.popleft()
        reply = future.result(timeout=10)
        if len(reply) != 8:
            raise SystemExit(f"grpc_client: a reply of {len(reply)} bytes where 8 are due")
        now = time.monotonic()
        if begin <= now < end:
            times.append(now - sent)
    for _, future in started:
        future.result(timeout=10)
    return times


def main():
    parser = argparse.ArgumentParser()
    for name in ("cert", "key", "ca"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--depth", required=True, type=int)
    parser.add_argument("--seconds", required=True, type=float)
    arguments = parser.parse_args()
    credentials = grpc.ssl_channel_credentials(
        arguments.ca.read_bytes(), arguments.key.read_bytes(), arguments.cert.read_bytes()
    )
    with grpc.secure_channel(f"127.0.0.1:{arguments.port}", credentials) as channel:
        times = sorted(run(channel.unary_unary(METHOD), arguments.depth, arguments.seconds))
    print(json.dumps({
        "connections": 1,
        "depth": arguments.depth,
        "commands": len(times),
        "seconds": arguments.seconds,
        "commands_per_second": len(times) / arguments.seconds,
        "p50_us": times[len(times) // 2] * 1e6,
        "p99_us": times[len(times) * 99 // 100] * 1e6,
    }))


if __name__ == "__main__":
    main()
