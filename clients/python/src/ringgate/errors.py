"""What can go wrong, each as a type of its own."""
from __future__ import annotations

import errno as errnos
from typing import Optional

from .wire import Completion, CompletionFlags, Reason, SessionError


class RingError(Exception):
    """Anything that a client of the gateway can be told."""


class Denied(RingError):
    """The policy does not allow it; ``rule`` decided, empty when none did."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"denied{f' by rule {rule}' if rule else ''}: {text}")
        self.rule, self.text = rule, text


class Refused(RingError):
    """Refused for another reason than the policy; nothing has run."""

    def __init__(self, reason: Reason, text: str, retry_after: Optional[float]) -> None:
        super().__init__(f"{reason.name.lower()}: {text}")
        self.reason, self.text = reason, text
        #: Seconds after which another try makes sense; None when there is no telling.
        self.retry_after = retry_after


class DeviceError(RingError, OSError):
    """The kernel or the device failed it. ``is_indeterminate``: the effect is unknown, do not repeat it blindly."""

    def __init__(self, what: str, code: int, is_indeterminate: bool) -> None:
        name = errnos.errorcode.get(code, str(code))
        OSError.__init__(self, code, f"{what}: {name}{', its effect is unknown' if is_indeterminate else ''}")
        self.is_indeterminate = is_indeterminate


class SessionEnded(RingError):
    """The gateway ended the session for cause; what was under way has an unknown outcome."""

    def __init__(self, error: SessionError) -> None:
        rule = f" (R-{error.rule})" if error.rule else ""
        super().__init__(f"the session ended with error {error.code}{rule}: {error.text}")
        self.error = error


class OutcomeUnknown(RingError):
    """The session is lost: what was under way may have run, in part or not at all."""


class Disconnected(RingError):
    """There is no connection: it was closed, or the gateway cannot be reached."""


def check(completion: Completion, what: str) -> Completion:
    """The completion of a success; raises what a failure means."""
    if completion.result >= 0:
        return completion
    refusal = completion.refusal
    if refusal is None:
        raise DeviceError(what, -completion.result, bool(completion.flags & CompletionFlags.INDETERMINATE))
    if completion.flags & CompletionFlags.DENIED:
        raise Denied(refusal.rule, f"{what}: {refusal.text}")
    wait = completion.device_time / 1e9 if refusal.reason == Reason.BUSY and completion.device_time else None
    raise Refused(refusal.reason, f"{what}: {refusal.text}", wait)
