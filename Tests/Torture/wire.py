"""As much of docs/protocol.md as the torture needs."""
import socket
import struct

# Sections 2 and 4.
SUBMIT, COMPLETE = 3, 4
OPEN, WRITE, COMMAND = 2, 5, 8
OWN_POSITION = (1 << 64) - 1


def entry(operation, request, argument=b"", slot=0, code=0, offset=0):
    header = struct.pack("<BBHIQQII", operation, 0, slot, code, request, offset, 0, len(argument))
    return header + argument + bytes(-len(argument) % 8)


class Peer:
    """A client that has its welcome."""

    def __init__(self, gateway, hello, welcome=96):
        plain = socket.create_connection(("127.0.0.1", gateway.port), 10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = gateway.context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.tls.sendall(hello)
        # Header and welcome, section 3.
        self.welcome = (self.receive(8 + welcome) or b"")[8:]
        if len(self.welcome) < welcome:
            raise OSError("no welcome")

    def submit(self, *entries):
        payload = b"".join(entries)
        self.tls.sendall(struct.pack("<IBBH", len(payload), SUBMIT, 0, len(entries)) + payload)

    def receive(self, count):
        parts = bytearray()
        while len(parts) < count:
            part = self.tls.recv(count - len(parts))
            if not part:
                return None
            parts += part
        return bytes(parts)

    def completions(self):
        """Request, result and refusal's reason (0 for none) of each completion of the next frame; None at the end.
        `retry_after` is when another try makes sense for all that were refused in it, in seconds (section 5, device_time)."""
        header = self.receive(8)
        if header is None:
            return None
        length, kind, _, count = struct.unpack("<IBBH", header)
        payload = self.receive(length)
        if payload is None:
            return None
        found, position = [], 0
        self.retry_after = 0.0
        for _ in range(count if kind == COMPLETE else 0):
            request, result, size, rest = struct.unpack_from("<QiIQ", payload, position)
            is_refused = rest >> 48 & 4
            reason = struct.unpack_from("<H", payload, position + 24)[0] if is_refused else 0
            if is_refused:
                self.retry_after = max(self.retry_after, (rest & (1 << 48) - 1) / 1e9)
            found.append((request, result, reason))
            position += 24 + size + -size % 8
        return found

    def close(self):
        self.tls.close()
