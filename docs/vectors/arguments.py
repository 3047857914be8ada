"""Vectors of arguments with blocks, families, selectors and given files: sections 4 and 8 of docs/protocol.md.

The bytes are packed by hand from the kernel's structs (linux/i2c-dev.h, spi/spidev.h, input.h, gpio.h), so that they
check whatever packs them from a description.
"""

import struct


def field(name, kind, offset, size=None, **more):
    size = size or int(kind.strip("usbe")) // 8
    return {"name": name, "type": kind, "offset": offset, "size": size, **more}


def block(path, parent, place, offset, fields=(), nullable=False, **more):
    return {"path": path, "parent": parent, "place": place, "offset": offset, "nullable": nullable,
            "fields": list(fields), **more}


def command(name, code, argument_size, reply_size, fields=(), **more):
    return {"name": name, "code": code, "engine": "call", "effect": "write", "argumentSize": argument_size,
            "replySize": reply_size, "fields": list(fields), "constraints": [], "summary": "", **more}


I2C = command(
    "I2C_RDWR", 0x0707, 16, 0, [field("nmsgs", "u32", 8)],
    blocks=[
        block("msgs", 0, "pointer", 0, direction="in", elementSize=16, countField="nmsgs", maximum=42, fields=[
            field("addr", "u16", 0), field("flags", "u16", 2, flags={"I2C_M_RD": 1}), field("len", "u16", 4)]),
        block("msgs.buf", 1, "pointer", 8, nullable=True, countField="len", maximum=8192,
              selects={"field": "flags", "mask": 1, "input": 0, "output": 1})])

SPI = command(
    "SPI_IOC_MESSAGE", 0x40006B00, 512, 0, codes={"sizes": [32, 512], "step": 32},
    blocks=[
        block("transfers", 0, "inline", 0, direction="in", elementSize=32, countCodeUnit=32, maximum=16, fields=[
            field("len", "u32", 16), field("speed_hz", "u32", 20), field("delay_usecs", "u16", 24),
            field("bits_per_word", "u8", 26)]),
        block("transfers.tx_buf", 1, "pointer", 0, nullable=True, direction="in", countField="len", maximum=4096),
        block("transfers.rx_buf", 1, "pointer", 8, nullable=True, direction="out", countField="len",
              maximum=4096)])

NAME = command(
    "EVIOCGNAME", 0x80004506, 0, 256, [field("name", "text", 0, 256)], codes={"sizes": [1, 256], "step": 1})

AXIS = command(
    "EVIOCGABS", 0x80184500, 0, 24, [field("value", "s32", 0), field("maximum", "s32", 8)],
    codes={"numbers": [0x40, 0x7F]})

LINES = command(
    "GPIO_V2_GET_LINE_IOCTL", 0xC250B407, 592, 592, [
        field("consumer", "text", 256, 32), field("flags", "u64", 288, flags={"INPUT": 4, "OUTPUT": 8}),
        field("num_lines", "u32", 560), field("fd", "s32", 588, gives="gpio-line")],
    blocks=[
        block("offsets", 0, "inline", 0, direction="both", elementSize=4, countField="num_lines", maximum=64,
              fields=[field("", "u32", 0)])],
    gives="gpio-line")

READ_10 = command(
    "READ_10", 0x2285, 24, 24, [field("cmd_len", "u8", 0), field("dxfer_len", "u32", 4)],
    selectors=[{"field": "cmdp.opcode", "value": 0x28}],
    blocks=[
        block("cmdp", 0, "pointer", 8, direction="in", countField="cmd_len", maximum=16, fields=[
            field("opcode", "u8", 0), field("dpo", "u8", 1, bits=[4, 4]), field("lba", "u32be", 2),
            field("group", "u8", 6, bits=[0, 4]), field("count", "u16be", 7), field("control", "u8", 9)]),
        block("dxferp", 0, "pointer", 16, nullable=True, direction="out", countField="dxfer_len", maximum=65536)])

vectors = []


def add(name, described, code, values, argument, reply, fields):
    vectors.append({"name": name, "command": described, "sub_opcode": code, "values": values,
                    "argument": argument.hex(), "reply": reply.hex(), "fields": fields})


def message(addr, flags, length):
    return struct.pack("<HHHHQ", addr, flags, length, 0, 1)


add("i2c-write-then-read", I2C, 0x0707,
    {"msgs.0.addr": "0x50", "msgs.0.buf": "hex:0102", "msgs.1.addr": "0x50", "msgs.1.flags": "I2C_M_RD",
     "msgs.1.len": "3"},
    struct.pack("<QII", 1, 2, 0) + message(0x50, 0, 2) + message(0x50, 1, 3) + b"\1\2", b"\7\10\11",
    {"msgs.1.buf": "070809"})


def transfer(tx, rx, length, speed):
    return struct.pack("<QQIIHBBBBBB", tx, rx, length, speed, 0, 8, 0, 0, 0, 0, 0)


add("spi-write-then-read", SPI, 0x40406B00,
    {"transfers.0.tx_buf": "hex:9f", "transfers.0.rx_buf": "none", "transfers.0.speed_hz": "1000000",
     "transfers.0.bits_per_word": "8", "transfers.1.len": "3", "transfers.1.speed_hz": "1000000",
     "transfers.1.bits_per_word": "8"},
    transfer(1, 0, 1, 1000000) + transfer(0, 1, 3, 1000000) + b"\x9f", b"\xef\x40\x18",
    {"transfers.1.rx_buf": "ef4018"})
add("spi-both-ways", SPI, 0x40206B00,
    {"transfers.0.tx_buf": "hex:0102", "transfers.0.bits_per_word": "8"},
    transfer(1, 1, 2, 0) + b"\1\2", b"\3\4", {"transfers.0.rx_buf": "0304"})
add("evdev-name-of-32", NAME, 0x80204506, {"size": "32"}, b"", b"gpio-keys".ljust(32, b"\0"),
    {"name": "gpio-keys"})
add("evdev-axis-0", AXIS, 0x80184540, {"number": "0x40"}, b"", struct.pack("<6i", -5, -100, 100, 0, 0, 0),
    {"value": "-5", "maximum": "100"})


def line_request(offsets, consumer, flags, fd):
    data = bytearray(592)
    struct.pack_into(f"<{len(offsets)}I", data, 0, *offsets)
    data[256:256 + len(consumer)] = consumer
    struct.pack_into("<Q", data, 288, flags)
    struct.pack_into("<I", data, 560, len(offsets))
    struct.pack_into("<i", data, 588, fd)
    return bytes(data)


add("gpio-lines-in-slot-1", LINES, 0xC250B407, {"consumer": "ringgate", "flags": "OUTPUT", "offsets": "[4, 17]"},
    line_request([4, 17], b"ringgate", 8, 0), line_request([4, 17], b"ringgate", 8, 1),
    {"consumer": "ringgate", "flags": "8", "num_lines": "2", "fd": "1", "offsets": "[4, 17]"})
add("scsi-read-of-one-block", READ_10, 0x2285,
    {"cmdp.lba": "0x01020304", "cmdp.count": "1", "dxfer_len": "4"},
    struct.pack("<BxxxIQQ", 10, 4, 1, 1) + struct.pack(">BBIBHB", 0x28, 0, 0x01020304, 0, 1, 0),
    struct.pack("<BxxxIQQ", 10, 4, 0, 0) + b"data",
    {"cmd_len": "10", "dxfer_len": "4", "dxferp": "64617461"})
