#!/usr/bin/env python3
"""Verifies an audit log by what docs/audit.md says of its files: the chain of hashes, and with openssl(1) the signatures.

usage: verify-audit.py DIRECTORY [PUBLIC_KEY]

Prints the last record's number and hash, and up to which record a signature vouches. Exit code 1 for a changed log.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile


def is_signed(message: bytes, signature: bytes, key: str) -> bool:
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        (path / "message").write_bytes(message)
        (path / "signature").write_bytes(signature)
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", str(path / "message"),
             "-sigfile", str(path / "signature")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode == 0


def fail(file: pathlib.Path, number: int, reason: str) -> None:
    sys.exit(f"{file}: line {number}: {reason}")


def main(directory: str, key: str) -> None:
    head, sequence, proven = None, None, 0
    for file in sorted(pathlib.Path(directory).glob("audit-*.jsonl")):
        for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
            if not line.endswith(b"\n"):
                break  # being written
            body, mark, tail = line.rpartition(b',"hash":"')
            record = json.loads(line)
            if not mark or tail != record["hash"].encode() + b'"}\n':
                fail(file, number, "is no record")
            if head is None:
                head, sequence = bytes.fromhex(record["previous"]), record["seq"] - 1
            if record["seq"] != sequence + 1 or hashlib.sha256(head + body).hexdigest() != record["hash"]:
                fail(file, number, "does not follow the one before")
            if record["type"] == "checkpoint":
                message = f"ringgate audit 1\n{record['of']} {head.hex()}\n".encode()
                if record["of"] != sequence or not is_signed(message, bytes.fromhex(record["signature"]), key):
                    fail(file, number, "the signature is not good")
                proven = sequence
            head, sequence = bytes.fromhex(record["hash"]), record["seq"]
    if head is None:
        sys.exit("there is no record")
    print(f"last {sequence}:{head.hex()}")
    print(f"proven {proven}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else f"{sys.argv[1]}/key.pub.pem")
