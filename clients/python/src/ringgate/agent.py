"""A share of a lease that another program of ours holds: ``ringctl lease acquire ... -- COMMAND`` runs COMMAND so."""
from __future__ import annotations

import os
import socket

from .errors import RingError

#: Environment variable with the path of the holder's socket.
VARIABLE = "RINGGATE_LEASE_AGENT"


def path_from_environment() -> str:
    """Empty when nobody holds a lease for us."""
    return os.environ.get(VARIABLE, "")


def join(path: str, session: int, epoch: int) -> None:
    """Asks for a share for this session. The holder answers when the gateway has given it.

    ``epoch`` is the gateway's own, by which the holder tells a session of another one: that has no share, which is no error.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
        holder.settimeout(10)
        try:
            holder.connect(path)
            holder.sendall(f"{session} {epoch}\n".encode())
            answer = b""
            while not answer.endswith(b"\n"):
                part = holder.recv(1024)
                if not part:
                    break
                answer += part
        except OSError as error:
            raise RingError(f"{path}: {error}") from error
    if answer not in (b"ok\n", b"elsewhere\n"):
        raise RingError(f"the lease of {path} is not shared: {answer.decode(errors='replace').strip()}")
