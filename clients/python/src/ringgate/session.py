"""One session's state, without a socket: what to send, and what was received (docs/protocol.md, sections 3, 4 and 7)."""
from __future__ import annotations

import collections
import dataclasses
from typing import Deque, Dict, List, Optional, Sequence, Set, Tuple

from . import wire
from .errors import OutcomeUnknown, SessionEnded

ALL_FEATURES = wire.Features(511)


@dataclasses.dataclass
class _Sent:
    """A submit frame that is not wholly answered: it may have to be sent again."""

    data: bytes
    last: int
    unanswered: int


class Session:
    """Ids, credits, completions, and what is needed to come back after a lost connection."""

    def __init__(self, features: wire.Features = ALL_FEATURES) -> None:
        self.features = features
        self.welcome: Optional[wire.Welcome] = None
        #: The gateway takes nothing new: it is stopping.
        self.is_draining = False
        #: Both sides have said goodbye.
        self.is_over = False
        self._buffer = bytearray()
        self._last_id = 0
        #: Frames in their order, and the frame of each entry that is not answered.
        self._sent: Deque[_Sent] = collections.deque()
        self._frames: Dict[int, _Sent] = {}
        self._streams: Set[int] = set()
        self._received = self._acknowledged = 0

    # Sending

    def hello(self) -> bytes:
        """The first frame of a connection; asks for the session back when there was one."""
        self._buffer.clear()
        resumption = None
        if self.welcome is not None and self.welcome.features & wire.Features.RESUME:
            resumption = wire.Resumption(
                self.welcome.epoch, self.welcome.session, self.welcome.token, self._received)
        return wire.hello(self.features, resumption)

    @property
    def room(self) -> int:
        """Entries that may be submitted now (R-17)."""
        assert self.welcome is not None
        return min(self.welcome.in_flight - len(self._frames), self.welcome.entries)

    def submit(self, entries: Sequence[wire.Entry]) -> Tuple[List[int], bytes]:
        """Ids for the entries, in their order, and the bytes to send."""
        if len(entries) > self.room:
            raise ValueError(f"{len(entries)} entries; there is room for {self.room}")
        ids = list(range(self._last_id + 1, self._last_id + 1 + len(entries)))
        self._last_id = ids[-1]
        data = wire.submit(list(zip(ids, entries)))
        # The successes of elements with this flag are never told.
        expected = [
            number for number, entry in zip(ids, entries) if not entry.flags & wire.EntryFlags.SKIP_SUCCESS]
        sent = _Sent(data, ids[-1], len(expected))
        self._sent.append(sent)
        self._frames.update((number, sent) for number in expected)
        self._streams.update(
            number for number, entry in zip(ids, entries) if entry.flags & wire.EntryFlags.MULTISHOT)
        return ids, self.acknowledge() + data

    def acknowledge(self) -> bytes:
        """What was received and not acknowledged yet; nothing when there is nothing to say."""
        if self.welcome is None or not self.welcome.features & wire.Features.RESUME:
            return b""
        if self._received == self._acknowledged:
            return b""
        self._acknowledged = self._received
        return wire.acknowledge(self._received)

    @property
    def owes_acknowledgement(self) -> bool:
        """Whether so much has come that it is to be acknowledged although nothing is submitted (R-36)."""
        assert self.welcome is not None
        return self._received - self._acknowledged >= self.welcome.in_flight // 4

    # Receiving

    def receive_welcome(self, data: bytes) -> Optional[bytes]:
        """Takes bytes until the welcome is there; then what is to be sent again, else None."""
        self._buffer += data
        for kind, _, payload in wire.split(self._buffer):
            if kind == wire.FrameType.ERROR:
                raise SessionEnded(wire.decode_error(payload))
            if kind != wire.FrameType.WELCOME:
                raise wire.WireError(9, f"frame {kind.name} instead of a welcome")
            return self._take(wire.decode_welcome(payload))
        return None

    def _take(self, welcome: wire.Welcome) -> bytes:
        if welcome.features & ~self.features:
            raise wire.WireError(8, "features that were not asked for")
        before, self.welcome = self.welcome, welcome
        if before is None or welcome.resumption == 1:
            # Those up to this id were accepted; the frames above never arrived.
            return b"".join(one.data for one in self._sent if one.last > welcome.last_request_id)
        lost = bool(self._frames)
        self._sent.clear()
        self._frames.clear()
        self._streams.clear()
        self._received = self._acknowledged = 0
        self._last_id = 0
        raise OutcomeUnknown("the session is gone" + (", with entries that were not answered" if lost else ""))

    def receive(self, data: bytes) -> List[wire.Completion]:
        """The completions in the bytes that have come."""
        self._buffer += data
        found: List[wire.Completion] = []
        for kind, count, payload in wire.split(self._buffer):
            if kind == wire.FrameType.COMPLETE:
                found += wire.decode_completions(count, payload)
            elif kind == wire.FrameType.GOODBYE:
                if wire.decode_goodbye(payload) == 1:
                    self.is_draining = True
                else:
                    self.is_over = True
            elif kind == wire.FrameType.ERROR:
                raise SessionEnded(wire.decode_error(payload))
            else:
                raise wire.WireError(9, f"frame {kind.name} of the other direction")
        for completion in found:
            self._received += 1
            if not completion.has_more:
                self._answer(completion.request)
        return found

    def _answer(self, request: int) -> None:
        self._streams.discard(request)
        sent = self._frames.pop(request, None)
        if sent is not None:
            sent.unanswered -= 1
        while self._sent and self._sent[0].unanswered == 0:
            self._sent.popleft()

    def unanswered(self) -> Dict[int, bool]:
        """Ids without their last completion, and whether each is a stream."""
        return {number: number in self._streams for number in self._frames}
