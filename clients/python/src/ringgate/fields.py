"""Fields of a command's argument, in the bytes of an element (docs/protocol.md, section 8)."""
from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple

Description = Mapping[str, Any]


class ArgumentError(ValueError):
    """A value that the command has no place for; the text names the path."""


def integer(value: Any, field: Description, path: str) -> int:
    if isinstance(value, bool) or isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        names = {**field.get("values", {}), **field.get("flags", {})}
        total = 0
        for word in value.split("|"):
            word = word.strip()
            if word in names:
                total |= names[word]
            else:
                try:
                    total |= int(word, 0)
                except ValueError:
                    known = ", ".join(sorted(names)) or "numbers only"
                    raise ArgumentError(f"{path}: `{word}` is no value of it ({known})") from None
        return total
    raise ArgumentError(f"{path}: {value!r} is no number")


def octets(value: Any, path: str) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        if value.startswith("text:"):
            return value[5:].encode()
        try:
            return bytes.fromhex(value[4:] if value.startswith("hex:") else value)
        except ValueError:
            pass
    raise ArgumentError(f"{path}: {value!r} is no bytes")


class Number:
    """An integer field in the bytes of an element."""

    def __init__(self, field: Description) -> None:
        kind = field["type"]
        self.offset, self.size = field["offset"], field["size"]
        self.order = "big" if kind.endswith("be") else "little"
        self.is_signed = kind.startswith("s")
        self.bits: Optional[Tuple[int, int]] = tuple(field["bits"]) if "bits" in field else None

    def write(self, element: bytearray, value: int, path: str) -> None:
        place = slice(self.offset, self.offset + self.size)
        width = self.size * 8
        if self.bits:
            width = self.bits[1] - self.bits[0] + 1
        least = -(1 << (width - 1)) if self.is_signed else 0
        greatest = (1 << (width - (1 if self.is_signed else 0))) - 1
        if not least <= value <= greatest:
            raise ArgumentError(f"{path}: {value} is not in {least}..{greatest}")
        if self.bits:
            whole = int.from_bytes(element[place], self.order)  # type: ignore[arg-type]
            element[place] = (whole | value << self.bits[0]).to_bytes(self.size, self.order)  # type: ignore[arg-type]
        else:
            element[place] = value.to_bytes(self.size, self.order, signed=self.is_signed)  # type: ignore[arg-type]

    def read(self, element: bytes) -> Optional[int]:
        if self.offset + self.size > len(element):
            return None
        part = element[self.offset:self.offset + self.size]
        value = int.from_bytes(part, self.order, signed=self.is_signed)  # type: ignore[arg-type]
        if self.bits:
            value = value >> self.bits[0] & ((1 << (self.bits[1] - self.bits[0] + 1)) - 1)
        return value


def write_field(element: bytearray, field: Description, value: Any, path: str) -> None:
    if field["type"] in ("bytes", "text"):
        data = value.encode() if field["type"] == "text" and isinstance(value, str) else octets(value, path)
        room = min(field["size"], len(element) - field["offset"])
        if len(data) > room:
            raise ArgumentError(f"{path}: {len(data)} bytes; at most {room}")
        element[field["offset"]:field["offset"] + len(data)] = data
    else:
        Number(field).write(element, integer(value, field, path), path)


def read_field(element: bytes, field: Description) -> Any:
    if field["type"] in ("bytes", "text"):
        data = element[field["offset"]:field["offset"] + field["size"]]
        return data.split(b"\0")[0].decode(errors="replace") if field["type"] == "text" else data
    return Number(field).read(element)
