"""One ioctl over gRPC: a unary call with mutual TLS whose handler runs TIOCGWINSZ on a pseudo-terminal.

No protobuf: request and reply are bytes, so that nothing but gRPC itself is measured.
"""

import argparse
import concurrent.futures
import fcntl
import os
import pathlib
import signal
import termios
import threading

import grpc

METHOD = "/ringgate.bench.Device/Ioctl"
WINDOW_SIZE = bytes(8)


class DeviceHandler(grpc.GenericRpcHandler):
    """Answers METHOD with the eight bytes of struct winsize (ioctl_tty(2))."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def service(self, call):
        if call.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(self.run)

    def run(self, request, context):
        return fcntl.ioctl(self.descriptor, termios.TIOCGWINSZ, WINDOW_SIZE)


def main():
    parser = argparse.ArgumentParser()
    for name in ("cert", "key", "ca", "device", "port-file"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    descriptor = os.open(arguments.device, os.O_RDWR | os.O_NOCTTY)
    credentials = grpc.ssl_server_credentials(
        [(arguments.key.read_bytes(), arguments.cert.read_bytes())], arguments.ca.read_bytes(), True
    )
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers((DeviceHandler(descriptor),))
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    arguments.port_file.write_text(f"{port}\n")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    server.stop(0).wait()


if __name__ == "__main__":
    main()
