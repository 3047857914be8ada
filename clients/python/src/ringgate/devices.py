"""Devices of common classes, by what they are for: serial lines, GPIO, I2C, SPI, NVMe.

Each wraps an open file, and asks of the policy what its commands ask (docs/hardware.md):

>>> with gateway.open("sensors") as file:
...     I2c(file).transfer(0x50, b"\\x00", 2)
"""
from __future__ import annotations

import dataclasses
import struct
from typing import Any, Dict, Iterator, List, Sequence

from .device import Device, Reply
from .errors import RingError

_RECORDS = 16


@dataclasses.dataclass(frozen=True)
class LineInfo:
    name: str
    #: Who has it; empty when nobody does.
    consumer: str
    is_used: bool
    is_output: bool


@dataclasses.dataclass(frozen=True)
class Edge:
    #: Nanoseconds of the gateway's CLOCK_MONOTONIC, taken in the interrupt.
    timestamp: int
    is_rising: bool
    offset: int
    #: Counts the events of all lines of the request from 1: what is missing was lost.
    sequence: int


class Gpio:
    """A GPIO chip, version 2 of the interface: linux/gpio.h."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def line(self, offset: int) -> LineInfo:
        reply = self.device.command("GPIO_V2_GET_LINEINFO_IOCTL", offset=offset)
        flags = reply["flags"]
        return LineInfo(reply["name"], reply["consumer"], bool(flags & 1), bool(flags & 8))

    def inputs(self, *offsets: int, edges: str = "", consumer: str = "ringgate") -> "Lines":
        """Takes lines as inputs; ``edges`` is ``rising``, ``falling`` or ``both`` for ``Lines.events``."""
        wanted = {"": [], "rising": ["RISING"], "falling": ["FALLING"], "both": ["RISING", "FALLING"]}
        if edges not in wanted:
            raise ValueError(f"edges: {edges!r} is none of rising, falling, both")
        flags = "|".join(["GPIO_V2_LINE_FLAG_INPUT"] + [f"GPIO_V2_LINE_FLAG_EDGE_{edge}" for edge in wanted[edges]])
        return self._request(offsets, consumer, {"flags": flags})

    def outputs(self, values: Dict[int, bool], consumer: str = "ringgate") -> "Lines":
        """Takes lines as outputs, with the values to begin with by offset."""
        offsets = list(values)
        first = {
            "attr": {"id": "GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES", "values": _bits(list(values.values()))},
            "mask": _mask(len(offsets)),
        }
        return self._request(offsets, consumer, {"flags": "GPIO_V2_LINE_FLAG_OUTPUT", "attrs": [first]})

    def _request(self, offsets: Sequence[int], consumer: str, config: Dict[str, Any]) -> "Lines":
        reply = self.device.command(
            "GPIO_V2_GET_LINE_IOCTL", offsets=list(offsets), consumer=consumer.encode(), config=config)
        return Lines(reply.device, list(offsets))


class Lines:
    """Lines that were taken. They are free again, and may change, when this is closed."""

    def __init__(self, device: Device, offsets: List[int]) -> None:
        self.device, self.offsets = device, offsets

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        self.device.__exit__()

    def close(self) -> None:
        self.device.close()

    def values(self) -> Dict[int, bool]:
        """By offset."""
        reply = self.device.command("GPIO_V2_LINE_GET_VALUES_IOCTL", mask=_mask(len(self.offsets)))
        return {offset: bool(reply["bits"] >> index & 1) for index, offset in enumerate(self.offsets)}

    def set(self, values: Dict[int, bool]) -> None:
        """Sets outputs by offset; the others stay as they are."""
        unknown = set(values) - set(self.offsets)
        if unknown:
            raise ValueError(f"lines that were not taken: {sorted(unknown)}")
        mask = sum(1 << index for index, offset in enumerate(self.offsets) if offset in values)
        bits = sum(1 << index for index, offset in enumerate(self.offsets) if values.get(offset))
        self.device.command("GPIO_V2_LINE_SET_VALUES_IOCTL", bits=bits, mask=mask)

    def events(self) -> Iterator[Edge]:
        """Edges of lines that were taken with them (struct gpio_v2_line_event)."""
        for data in self.device.stream(_RECORDS * 48):
            for timestamp, kind, offset, sequence in struct.iter_unpack("<QIII28x", data):
                yield Edge(timestamp, kind == 1, offset, sequence)


def _bits(values: Sequence[bool]) -> int:
    return sum(1 << index for index, value in enumerate(values) if value)


def _mask(count: int) -> int:
    return (1 << count) - 1


class I2c:
    """An I2C bus: linux/i2c-dev.h and linux/i2c.h."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def transfer(self, address: int, write: bytes = b"", read: int = 0) -> bytes:
        """Writes to ``address`` and then reads ``read`` bytes from it, without letting the bus go in between."""
        messages: List[Dict[str, Any]] = []
        if write or not read:
            messages.append({"addr": address, "buf": write})
        if read:
            messages.append({"addr": address, "flags": "I2C_M_RD", "len": read})
        reply = self.device.command("I2C_RDWR", msgs=messages)
        return bytes(reply[f"msgs.{len(messages) - 1}.buf"]) if read else b""

    def select(self, address: int) -> None:
        """Chooses the device that SMBus transfers on this open file go to."""
        self.device.command("I2C_SLAVE", address=address)

    def read_byte(self, register: int) -> int:
        return self._smbus("BYTE_DATA", register)[0]

    def write_byte(self, register: int, value: int) -> None:
        self._smbus("BYTE_DATA", register, bytes([value]))

    def read_word(self, register: int) -> int:
        return int.from_bytes(self._smbus("WORD_DATA", register)[:2], "little")

    def write_word(self, register: int, value: int) -> None:
        self._smbus("WORD_DATA", register, value.to_bytes(2, "little"))

    def _smbus(self, size: str, register: int, write: bytes = b"") -> bytes:
        """The 34 bytes of union i2c_smbus_data as the transfer left them."""
        reply = self.device.command(
            "I2C_SMBUS", read_write="I2C_SMBUS_WRITE" if write else "I2C_SMBUS_READ", command=register,
            size=f"I2C_SMBUS_{size}", data=write.ljust(34, b"\0"))
        return bytes(reply["data"])


class Spi:
    """A device on an SPI bus: linux/spi/spidev.h."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def transfer(self, *parts: bytes, speed: int) -> List[bytes]:
        """Sends the parts, while the device stays selected; what came at the same time. ``speed`` in hertz."""
        reply = self.device.command(
            "SPI_IOC_MESSAGE", transfers=[{"tx_buf": part, "speed_hz": speed} for part in parts])
        return [bytes(reply[f"transfers.{index}.rx_buf"]) for index in range(len(parts))]


class Tty:
    """A serial line: ioctl_tty(2), asm-generic/termbits.h."""

    DTR, RTS, CTS, CARRIER, RING, DSR = 0x2, 0x4, 0x20, 0x40, 0x80, 0x100

    # Of c_cflag: CBAUD and CIBAUD, CSIZE, CSTOPB, PARENB, PARODD; BOTHER, CREAD, CLOCAL.
    _CHANGED = 0x100F_100F | 0x30 | 0x40 | 0x100 | 0x200
    _SET = 0x1000 | 0x80 | 0x800

    def __init__(self, device: Device) -> None:
        self.device = device

    def speed(self) -> int:
        """Bits a second."""
        return int(self.device.command("TCGETS2")["c_ospeed"])

    def make_raw(self, speed: int, data_bits: int = 8, parity: str = "none", stop_bits: int = 1) -> None:
        """Has the line pass bytes as they are. The gateway puts the settings back when the file is closed."""
        parities = {"none": 0, "even": 0x100, "odd": 0x300}
        if not 5 <= data_bits <= 8 or parity not in parities or stop_bits not in (1, 2):
            raise ValueError("data_bits is 5 to 8, parity none, even or odd, stop_bits 1 or 2")
        now = self.device.command("TCGETS2")
        flags = now["c_cflag"] & ~self._CHANGED | self._SET | (data_bits - 5) << 4 | parities[parity]
        flags |= 0x40 if stop_bits == 2 else 0
        characters = bytearray(now["c_cc"])
        characters[5], characters[6] = 0, 1  # VTIME, VMIN: a read waits for one byte.
        self.device.command(
            "TCSETSW2", c_iflag=0, c_oflag=0, c_lflag=0, c_cflag=flags, c_cc=bytes(characters), c_ispeed=speed,
            c_ospeed=speed)

    def modem_lines(self) -> int:
        """Bits ``DTR`` to ``DSR``."""
        return int(self.device.command("TIOCMGET")["lines"])

    def raise_lines(self, lines: int) -> None:
        self.device.command("TIOCMBIS", lines=lines)

    def drop_lines(self, lines: int) -> None:
        self.device.command("TIOCMBIC", lines=lines)

    def send_break(self) -> None:
        """Holds the line low for a quarter of a second."""
        self.device.command("TCSBRK", wait=0)

    def write(self, data: bytes) -> None:
        """All of the bytes."""
        while data:
            data = data[self.device.write(data):]

    def expect(self, text: bytes, limit: int = 1 << 20) -> bytes:
        """Reads until ``text`` has come; all that came. ``RingError`` after ``limit`` bytes without it."""
        heard = b""
        for part in self.device.stream(4096):
            heard += part
            if text in heard:
                return heard
            if len(heard) > limit:
                break
        raise RingError(f"{self.device.name}: {text!r} has not come; the last was {heard[-200:]!r}")


class NvmeStatus(RingError):
    """The status with which an NVMe device failed a command: bits 0 to 7 code, 8 to 10 type, 14 do not retry."""

    def __init__(self, what: str, value: int) -> None:
        super().__init__(f"{what}: NVMe status {value:#x} (type {value >> 8 & 7}, code {value & 0xff:#x})")
        self.value = value


class Nvme:
    """An NVMe controller or namespace with blocks of 512 bytes, as the profile ``nvme`` has it: linux/nvme_ioctl.h."""

    BLOCK = 512

    def __init__(self, device: Device, namespace: int = 1) -> None:
        self.device, self.namespace = device, namespace

    def identify(self) -> Dict[str, str]:
        """``serial``, ``model`` and ``firmware`` of the controller (Identify, CNS 01h)."""
        page = self._run("ADMIN_IDENTIFY", cns="CONTROLLER", data_len=4096)["addr"]
        parts = {"serial": page[4:24], "model": page[24:64], "firmware": page[64:72]}
        return {name: part.split(b"\0")[0].decode("ascii", "replace").rstrip() for name, part in parts.items()}

    def health(self) -> Dict[str, int]:
        """``critical_warning``, ``temperature`` in kelvin, ``percentage_used``, ``media_errors`` (Log Page 02h)."""
        page = self._run("ADMIN_GET_LOG_PAGE", lid="SMART", numdl=127, nsid=0xFFFF_FFFF, data_len=512)["addr"]
        return {
            "critical_warning": page[0], "temperature": int.from_bytes(page[1:3], "little"),
            "percentage_used": page[5], "media_errors": int.from_bytes(page[160:176], "little"),
        }

    def read(self, block: int, count: int = 1) -> bytes:
        """1 to 1,024 blocks."""
        self._check(count)
        return bytes(self._run(
            "IO_READ", nsid=self.namespace, slba=block, nlb=count - 1, data_len=count * self.BLOCK)["addr"])

    def write(self, block: int, data: bytes) -> None:
        """1 to 1,024 whole blocks."""
        self._check(len(data) // self.BLOCK if len(data) % self.BLOCK == 0 else 0)
        self._run("IO_WRITE", nsid=self.namespace, slba=block, nlb=len(data) // self.BLOCK - 1, addr=data)

    def flush(self) -> None:
        self._run("IO_FLUSH", nsid=self.namespace)

    @staticmethod
    def _check(blocks: int) -> None:
        if not 1 <= blocks <= 1024:
            raise ValueError("one command moves 1 to 1,024 whole blocks")

    def _run(self, command: str, **values: Any) -> Reply:
        reply = self.device.command(f"NVME_URING_CMD_{command}", **values)
        if reply.result > 0:
            raise NvmeStatus(f"{command} on {self.device.name}", reply.result)
        return reply
