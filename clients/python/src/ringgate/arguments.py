"""Arguments and replies of commands, by what ``describe`` says of them (docs/protocol.md, section 4 and 8).

Values are nested as the description is: a dict for a struct, a list for an array, ``bytes`` for a block of bytes, integers, names of
values and of flags (``"OUTPUT|ACTIVE_LOW"``) for fields, and ``None`` for a block that is to be left out. What is not given is zero;
counts, lengths, pointers and selectors follow from what is given.
"""
from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .fields import ArgumentError, Description, Number, integer, octets, read_field, write_field

Values = Mapping[str, Any]

_MISSING = object()


@dataclasses.dataclass(frozen=True)
class Packed:
    """A command ready to be sent."""

    command: Description
    #: The code, of a family the one that was chosen.
    code: int
    argument: bytes
    root: "_Instance"


def pack(command: Description, values: Optional[Values] = None) -> Packed:
    """Builds the argument of ``command``. ``size`` and ``number`` in ``values`` choose the code of a family."""
    given = dict(values or {})
    codes = command.get("codes", {})
    chosen = {}
    for name in ("size", "number"):
        if f"{name}s" in codes and name in given:
            chosen[name] = integer(given.pop(name), {}, name)
    for selector in command.get("selectors", []):
        _select(given, selector["field"].split("."), selector["value"])
    root = _Instance(_root(command), _Blocks(command), given, "", chosen.get("size"))
    code = command["code"]
    if "sizes" in codes:
        code |= root.size << 16
    if "numbers" in codes:
        code |= chosen.get("number", codes["numbers"][0])
    argument = bytearray()
    if command["engine"] == "gateway":
        raise ArgumentError("a command of the gateway takes a document")
    root.write(argument, is_root=True)
    return Packed(command, code, bytes(argument), root)


def unpack(packed: Packed, reply: bytes) -> Dict[str, Any]:
    """The values in a reply by dotted path, with the indices of elements. Blocks of bytes are ``bytes``."""
    found: Dict[str, Any] = {}
    position = packed.root.read(reply, 0, found, is_root=True)
    if position != len(reply):
        raise ArgumentError(f"the reply has {len(reply)} bytes; {position} were expected")
    return found


def parsed(texts: Mapping[str, str]) -> Dict[str, Any]:
    """Values as a command line has them, by dotted path: ``{"msgs.0.addr": "0x50"}``."""
    root: Dict[str, Any] = {}
    for path, text in texts.items():
        place: Any = root
        parts = path.split(".")
        for part, following in zip(parts, parts[1:]):
            place = _descend(place, part, [] if following.isdigit() else {})
        value: Any = None if text == "none" else text
        if isinstance(value, str) and value.startswith("["):
            value = [word.strip() for word in value.strip("[]").split(",") if word.strip()]
        _put(place, parts[-1], value)
    return root


def shown(value: Any) -> str:
    """A value of a reply as text: decimal, hexadecimal bytes, or a list of numbers."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)


def _descend(place: Any, part: str, fresh: Any) -> Any:
    if isinstance(place, list):
        while len(place) <= int(part):
            place.append({})
        if not place[int(part)]:
            place[int(part)] = fresh
        return place[int(part)]
    return place.setdefault(part, fresh)


def _put(place: Any, part: str, value: Any) -> None:
    if isinstance(place, list):
        while len(place) <= int(part):
            place.append(0)
        place[int(part)] = value
    else:
        place[part] = value


def _select(values: Any, path: Sequence[str], value: int) -> None:
    """Sets the field in every element that the path speaks of."""
    if isinstance(values, list):
        for element in values:
            _select(element, path, value)
    elif len(path) == 1:
        values.setdefault(path[0], value)
    else:
        _select(values.setdefault(path[0], {}), path[1:], value)


# Blocks


def _root(command: Description) -> Dict[str, Any]:
    argument, reply = command["argumentSize"], command["replySize"]
    direction = "in" if reply == 0 else "out" if argument == 0 else "both"
    return {
        "path": "", "place": "inline", "direction": direction, "elementSize": max(argument, reply), "count": 1,
        "maximum": 1, "fields": command.get("fields", []),
    }


class _Blocks:
    """Which blocks hold which."""

    def __init__(self, command: Description) -> None:
        self.command = command
        self.all: List[Description] = [{}] + list(command.get("blocks", []))

    def held_by(self, block: Description) -> List[Description]:
        number = next((n for n, one in enumerate(self.all) if one is block), 0)
        children = [one for one in self.all[1:] if one["parent"] == number]
        return sorted(children, key=lambda one: int(one["offset"]))


def _name(block: Description) -> str:
    return str(block["path"]).rsplit(".", 1)[-1]


def _is_scalar(block: Description) -> bool:
    return len(block["fields"]) == 1 and block["fields"][0]["name"] == ""


class _Element:
    """One element of a block: its bytes, and what it holds."""

    def __init__(self, owner: "_Instance", values: Any, path: str, size: int) -> None:
        self.owner = owner
        self.bytes = bytearray(size)
        self.children: List[_Instance] = []
        block = owner.block
        if _is_scalar(block):
            write_field(self.bytes, block["fields"][0], values, path)
            return
        given = dict(values or {})
        held = owner.blocks.held_by(block)
        self._count(held, given, path)
        for field in block["fields"]:
            if field["name"] in given:
                write_field(self.bytes, field, given.pop(field["name"]), _joined(path, field["name"]))
        for child in held:
            self._add(child, given.pop(_name(child), _MISSING), path)
        if given:
            known = [field["name"] for field in block["fields"]] + [_name(child) for child in held]
            raise ArgumentError(f"{_joined(path, next(iter(given)))}: there is no such value; known: {', '.join(known)}")

    def _count(self, held: List[Description], given: Dict[str, Any], path: str) -> None:
        """Counts follow from what they count."""
        for child in held:
            name = child.get("countField")
            if name is None or name in given:
                continue
            length = _length(child, given.get(_name(child), _MISSING), _joined(path, _name(child)))
            if length is not None:
                given[name] = length

    def _field(self, name: str) -> int:
        for field in self.owner.block["fields"]:
            if field["name"] == name:
                return Number(field).read(bytes(self.bytes)) or 0
        raise ArgumentError(f"the description counts by `{name}`, which is no field")

    def _direction(self, child: Description) -> Optional[str]:
        if child["place"] == "inline":
            return self.owner.direction
        if "direction" in child:
            return str(child["direction"])
        selects = child["selects"]
        value = self._field(selects["field"]) & selects["mask"]
        for way, name in (("in", "input"), ("out", "output")):
            if selects.get(name) == value:
                return way
        return None

    def _add(self, child: Description, values: Any, path: str) -> None:
        path = _joined(path, _name(child))
        direction = self._direction(child)
        if "countField" in child:
            amount = self._field(child["countField"])
        else:
            amount = child.get("count") or _length(child, values, path) or 0
        is_inline = child["place"] == "inline"
        is_left_out = values is None or (values is _MISSING and child.get("nullable") and direction == "in")
        if not is_inline and (direction is None or amount == 0 or is_left_out):
            return
        instance = _Instance(child, self.owner.blocks, None if values is _MISSING else values, path, amount, direction)
        self.children.append(instance)
        if is_inline:
            place = child["offset"]
            for element in instance.elements:
                self.bytes[place:place + len(element.bytes)] = element.bytes
                place += len(element.bytes)
        else:
            self.bytes[child["offset"]:child["offset"] + 8] = (1).to_bytes(8, "little")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _length(block: Description, values: Any, path: str) -> Optional[int]:
    """Elements, or bytes, of what is given for a block; None when nothing is."""
    if values is _MISSING or values is None:
        return None
    if block.get("elementSize"):
        return len(values) if isinstance(values, list) else 1
    if isinstance(values, Mapping):
        return max((field["offset"] + field["size"] for field in block["fields"]), default=0)
    return len(octets(values, path))


class _Instance:
    """A block as it is in one argument."""

    def __init__(
        self, block: Description, blocks: _Blocks, values: Any, path: str, amount: Optional[int],
        direction: Optional[str] = None,
    ) -> None:
        self.block, self.blocks, self.path = block, blocks, path
        self.direction = direction or block["direction"]
        self.is_array = bool(block.get("elementSize")) and block["maximum"] > 1
        self.elements: List[_Element] = []
        if block["path"] == "":
            self._make_root(values, amount)
        elif not block.get("elementSize"):
            self._make_bytes(values, amount or 0)
        else:
            self._make_elements(values, amount or 0)

    def _make_root(self, values: Any, size: Optional[int]) -> None:
        codes = self.blocks.command.get("codes", {})
        size = size if size is not None else self.block["elementSize"]
        counted = [one for one in self.blocks.held_by(self.block) if "countCodeUnit" in one]
        for child in counted:
            length = _length(child, values.get(_name(child), _MISSING), _name(child))
            if length is not None:
                size = child["offset"] + length * child["countCodeUnit"]
        if "sizes" in codes and not codes["sizes"][0] <= size <= codes["sizes"][1]:
            raise ArgumentError(f"size {size} is not in {codes['sizes'][0]}..{codes['sizes'][1]}")
        self.size = size
        self.elements.append(_Element(self, values, "", size))

    def _make_bytes(self, values: Any, size: int) -> None:
        self.size = size
        if isinstance(values, Mapping):
            self.elements.append(_Element(self, values, self.path, size))
            return
        element = _Element(self, {}, self.path, size)
        if values is not None:
            data = octets(values, self.path)
            if len(data) > size:
                raise ArgumentError(f"{self.path}: {len(data)} bytes where there is room for {size}")
            element.bytes[:len(data)] = data
        self.elements.append(element)

    def _make_elements(self, values: Any, amount: int) -> None:
        if amount > self.block["maximum"]:
            raise ArgumentError(f"{self.path}: {amount} elements; at most {self.block['maximum']}")
        given = values if isinstance(values, list) else [] if values is None else [values]
        if len(given) > amount:
            raise ArgumentError(f"{self.path}: {len(given)} elements where there are {amount}")
        empty: Any = 0 if _is_scalar(self.block) else {}
        for index in range(amount):
            path = f"{self.path}.{index}" if self.is_array else self.path
            value = given[index] if index < len(given) else empty
            self.elements.append(_Element(self, value, path, self.block["elementSize"]))
        self.size = amount * self.block["elementSize"]

    @property
    def is_sent(self) -> bool:
        return self.direction in ("in", "both")

    def write(self, argument: bytearray, is_root: bool = False) -> None:
        """R-30."""
        if is_root or self.block["place"] == "pointer":
            if not self.is_sent:
                return
            for element in self.elements:
                argument += element.bytes
        for element in self.elements:
            for child in element.children:
                child.write(argument)

    def read(self, reply: bytes, position: int, found: Dict[str, Any], is_root: bool = False) -> int:
        """R-32."""
        if (is_root or self.block["place"] == "pointer") and self.direction in ("out", "both"):
            part = reply[position:position + self.size]
            if len(part) < self.size:
                raise ArgumentError(f"the reply ends inside {self.path or 'its struct'}")
            position += self.size
            self._show(part, found)
        for element in self.elements:
            for child in element.children:
                position = child.read(reply, position, found)
        return position

    def _show(self, part: bytes, found: Dict[str, Any]) -> None:
        if not self.block.get("elementSize") and not self.block["fields"]:
            found[self.path] = part
            return
        size = self.block.get("elementSize") or len(part)
        size = size if self.block["path"] else len(part)
        if _is_scalar(self.block):
            found[self.path] = [read_field(part[at:at + size], self.block["fields"][0]) for at in range(0, len(part), size)]
            return
        for index, at in enumerate(range(0, len(part), size)):
            path = f"{self.path}.{index}" if self.is_array else self.path
            self._show_element(part[at:at + size], path, found)

    def _show_element(self, element: bytes, path: str, found: Dict[str, Any]) -> None:
        values: Dict[str, Any] = {}
        for field in self.block["fields"]:
            value = read_field(element, field)
            if value is not None:
                values[field["name"]] = value
                found[_joined(path, field["name"])] = value
        for child in self.blocks.held_by(self.block):
            if child["place"] == "inline":
                self._show_inline(child, element, values, path, found)

    def _show_inline(
        self, child: Description, element: bytes, values: Dict[str, Any], path: str, found: Dict[str, Any]
    ) -> None:
        """How many elements are in use is the reply's own count field's to say."""
        size, unit = child.get("elementSize") or 1, child.get("countCodeUnit")
        if "countField" in child:
            amount = min(values.get(child["countField"], 0), child["maximum"])
        else:
            amount = (len(element) - child["offset"]) // unit if unit else child["count"]
        part = element[child["offset"]:child["offset"] + amount * size]
        view = _Instance.__new__(_Instance)
        view.block, view.blocks, view.path, view.direction = child, self.blocks, _joined(path, _name(child)), "out"
        view.is_array = bool(child.get("elementSize")) and child["maximum"] > 1
        view.elements, view.size = [], len(part)
        view._show(part, found)
