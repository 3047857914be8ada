#!/usr/bin/env python3
"""Prints what a client must not begin with: a line NAME<TAB>HEX for each, the first of which is in order.

All but a few are a ClientHello of TLS 1.3 (RFC 8446, 4.1.2) with one thing wrong.
"""
import os
import struct

RANDOM = bytes(range(32))
SESSION = bytes(range(32, 64))
X25519, P256 = 0x1D, 0x17
KEY = bytes([9]) + bytes(31)  # the base point of X25519
ALPN = b"ringgate/1"


def block(size, content):
    """Bytes behind their length in so many bytes."""
    return len(content).to_bytes(size, "big") + content


def words(*numbers):
    return b"".join(struct.pack(">H", number) for number in numbers)


def share(group, key):
    return words(group) + block(2, key)


EXTENSIONS = {
    0x2B: block(1, words(0x0304)),  # supported_versions
    0x0A: block(2, words(X25519, P256)),  # supported_groups
    0x33: block(2, share(X25519, KEY)),  # key_share
    0x0D: block(2, words(0x0403, 0x0804, 0x0807)),  # signature_algorithms
    0x10: block(2, block(1, ALPN)),  # application_layer_protocol_negotiation
}


def record(content, kind=22, version=0x0301, length=None):
    return bytes([kind]) + words(version, len(content) if length is None else length) + content


def message(content, kind=1, length=None):
    return bytes([kind]) + (len(content) if length is None else length).to_bytes(3, "big") + content


def hello(changes=(), version=0x0303, session=SESSION, ciphers=(0x1301, 0x1302), compression=b"\0", last=(), **raw):
    """The body of a ClientHello. `changes` replaces extensions, None leaves one out; `last` come behind them."""
    extensions = {**EXTENSIONS, **dict(changes)}
    listed = b"".join(words(kind) + block(2, data) for kind, data in extensions.items() if data is not None)
    listed += b"".join(words(kind) + block(2, data) for kind, data in last)
    return (
        words(version) + RANDOM + raw.get("session_block", block(1, session))
        + raw.get("cipher_block", block(2, words(*ciphers))) + block(1, compression)
        + raw.get("extension_block", block(2, listed))
    )


def of(*arguments, **options):
    return record(message(hello(*arguments, **options)))


def records():
    body = message(hello())
    yield "empty-record", record(b"")
    yield "many-empty-records", record(b"") * 40
    for kind in (0, 20, 21, 23, 24, 25, 99, 255):
        yield f"record-type-{kind}", record(body, kind=kind)
    yield "record-version-0", record(body, version=0)
    yield "record-version-2", record(body, version=0x0200)
    yield "record-too-long", record(body + bytes(0x4101 - len(body)))
    yield "record-of-64-kib", record(body, length=0xFFFF) + bytes(0xFFFF - len(body))
    yield "fatal-alert-first", record(b"\x02\x28", kind=21)
    yield "alerts-without-end", record(b"\x01\x00", kind=21) * 200
    yield "change-cipher-spec-flood", record(b"\x01", kind=20, version=0x0303) * 200
    yield "sslv2-hello", bytes.fromhex("802e0100020015000000100100800300800700c00600400200800400800000001f") + bytes(16)
    yield "http", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "ssh", b"SSH-2.0-OpenSSH_9.2\r\n"
    yield "zeros", bytes(20_000)
    yield "noise", os.urandom(20_000)
    yield "hello-twice", record(body) + record(body)
    yield "hello-and-plain-data", record(body) + record(b"\x10\0\0\0\x01\0", kind=23, version=0x0303)
    yield "hello-and-noise", record(body) + os.urandom(500)


def messages():
    body = hello()
    for kind in (0, 2, 4, 8, 11, 13, 15, 20, 24, 254):
        yield f"message-type-{kind}", record(message(body, kind=kind))
    yield "message-too-long", record(message(body, length=0xFFFFFF))
    yield "message-too-short", record(message(body, length=len(body) - 9))
    yield "message-empty", record(message(b""))
    for count in (1, 2, 34, 35, 67, 80, len(body) - 1):
        yield f"hello-cut-at-{count}", record(message(body[:count]))
    yield "hello-and-more", record(message(body + b"\0"))


def fields():
    for version in (0, 0x0300, 0x0301, 0x7F1C):
        yield f"only-version-{version:04x}", of({0x2B: None}, version=version)
    yield "session-of-33", of(session=bytes(33))
    yield "session-beyond-the-end", of(session_block=b"\xff" + SESSION)
    yield "no-ciphers", of(ciphers=())
    yield "ciphers-unknown", of(ciphers=(0x00FF, 0x0A0A))
    yield "ciphers-of-tls-1.2", of(ciphers=(0xC02B, 0xC02F))
    yield "ciphers-odd", of(cipher_block=block(2, b"\x13\x01\x13"))
    yield "ciphers-beyond-the-end", of(cipher_block=b"\xff\xff\x13\x01")
    yield "no-compression", of(compression=b"")
    yield "compression", of(compression=b"\x01")
    yield "extensions-beyond-the-end", of(extension_block=b"\xff\xff" + bytes(8))
    yield "extension-beyond-the-end", of(extension_block=block(2, words(0x2B, 0xFFFF) + bytes(8)))
    yield "no-extensions", of(extension_block=b"")


def extensions():
    yield "versions-twice", of(last=[(0x2B, EXTENSIONS[0x2B])])
    yield "versions-none", of({0x2B: block(1, b"")})
    yield "versions-odd", of({0x2B: block(1, b"\x03\x04\x03")})
    yield "versions-only-1.2", of({0x2B: block(1, words(0x0303))})
    yield "versions-of-a-draft", of({0x2B: block(1, words(0x7F17))})
    yield "no-groups", of({0x0A: None})
    yield "groups-none", of({0x0A: block(2, b"")})
    yield "groups-ffdhe8192", of({0x0A: block(2, words(0x0104)), 0x33: block(2, b"")})
    yield "no-share", of({0x33: None})
    yield "share-of-no-group-named", of({0x33: block(2, share(0x18, bytes(97)))})
    yield "share-twice", of({0x33: block(2, share(X25519, KEY) * 2)})
    yield "share-empty", of({0x33: block(2, share(X25519, b""))})
    yield "share-short", of({0x33: block(2, share(X25519, KEY[:31]))})
    yield "share-long", of({0x33: block(2, share(X25519, KEY + b"\0"))})
    yield "share-zero", of({0x33: block(2, share(X25519, bytes(32)))})
    yield "share-off-the-curve", of({0x33: block(2, share(P256, b"\x04" + bytes(63) + b"\x01"))})
    yield "share-at-infinity", of({0x33: block(2, share(P256, b"\0"))})
    yield "share-beyond-the-end", of({0x33: b"\xff\xff" + share(X25519, KEY)})
    yield "no-signatures", of({0x0D: None})
    yield "signatures-none", of({0x0D: block(2, b"")})
    yield "signatures-unknown", of({0x0D: block(2, words(0xFEFE))})
    yield "signatures-odd", of({0x0D: block(2, b"\x04\x03\x08")})
    yield "no-protocol", of({0x10: None})
    yield "protocols-none", of({0x10: block(2, b"")})
    yield "protocol-empty", of({0x10: block(2, block(1, b""))})
    yield "protocol-other", of({0x10: block(2, block(1, b"h2"))})
    yield "protocol-beyond-the-end", of({0x10: block(2, b"\xff" + ALPN)})
    yield "name-malformed", of(last=[(0, b"\xff\xff\0")])
    yield "name-with-nul", of(last=[(0, block(2, b"\0" + block(2, b"a\0b")))])
    yield "cookie-not-asked-for", of(last=[(0x2C, block(2, bytes(64)))])
    yield "early-data-alone", of(last=[(0x2A, b"")])
    identity = block(2, block(2, b"ticket") + bytes(4))
    yield "psk-without-modes", of(last=[(0x29, identity + block(2, block(1, bytes(32))))])
    modes = (0x2D, block(1, b"\x01"))
    yield "psk-not-last", of(last=[(0x29, identity + block(2, block(1, bytes(32)))), modes])
    yield "psk-unknown-with-early-data", of(last=[modes, (0x2A, b""), (0x29, identity + block(2, block(1, bytes(32))))])
    yield "psk-without-binder", of(last=[modes, (0x29, identity + block(2, b""))])
    yield "extensions-by-the-thousand", of(last=[(0xA000 + number, b"") for number in range(1500)])


def main():
    print("good", of().hex(), sep="\t")
    for group in (records, messages, fields, extensions):
        for name, content in group():
            print(name, content.hex(), sep="\t")


main()
