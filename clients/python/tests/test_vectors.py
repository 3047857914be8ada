"""The exact bytes of docs/vectors."""
import json
import pathlib
import unittest

from ringgate import arguments, wire

VECTORS = pathlib.Path(__file__).parents[3] / "docs" / "vectors"


def load(name):
    return json.loads((VECTORS / name).read_text())


def one_frame(data):
    buffer = bytearray(data)
    frames = list(wire.split(buffer))
    assert len(frames) == 1 and not buffer, "one whole frame"
    return frames[0]


class Valid(unittest.TestCase):
    def test_what_a_gateway_sends_is_understood(self):
        count = 0
        for vector in load("valid.json"):
            if vector["direction"] != "gateway":
                continue
            with self.subTest(vector["name"]):
                self.check(vector)
                count += 1
        self.assertGreater(count, 30)

    def check(self, vector):
        kind, count, payload = one_frame(bytes.fromhex(vector["hex"]))
        self.assertEqual(kind.name.lower(), vector["type"])
        if kind == wire.FrameType.WELCOME:
            welcome = wire.decode_welcome(payload)
            self.assertEqual(str(welcome.session), vector["session"])
            self.assertEqual(str(welcome.monotonic), vector["monotonic_ns"])
            self.assertEqual(welcome.revision.hex(), vector["revision"])
            self.assertEqual(welcome.chain, vector["chain"])
            if "token" in vector:
                self.assertEqual(welcome.token.hex(), vector["token"])
                self.assertEqual(str(welcome.last_request_id), vector["last_request_id"])
                self.assertEqual((welcome.grace, welcome.resumption), (vector["grace_ms"], vector["resumption"]))
        elif kind == wire.FrameType.COMPLETE:
            found = wire.decode_completions(count, payload)
            self.assertEqual(len(found), len(vector["completions"]))
            for completion, expected in zip(found, vector["completions"]):
                self.compare(completion, expected)
        elif kind == wire.FrameType.ERROR:
            error = wire.decode_error(payload)
            self.assertEqual(
                (error.code, error.rule, error.entry, error.text),
                (vector["code"], vector["rule"], vector["entry"], vector["text"]))
        else:
            self.assertEqual(wire.decode_goodbye(payload), vector["reason"])

    def compare(self, completion, expected):
        self.assertEqual(str(completion.request), expected["request_id"])
        self.assertEqual(completion.result, expected["result"])
        self.assertEqual(completion.engine, expected["engine"])
        self.assertEqual(str(completion.device_time), expected["device_time"])
        self.assertEqual(completion.payload.hex(), expected["payload"])
        names = {flag.name.lower() for flag in wire.CompletionFlags if completion.flags & flag}
        self.assertEqual(names, set(expected["flags"]))
        if "refusal" in expected:
            refusal = completion.refusal
            self.assertEqual(
                (refusal.reason, refusal.rule, refusal.text),
                tuple(expected["refusal"][name] for name in ("reason", "rule", "text")))

    def test_what_a_client_sends_is_these_bytes(self):
        count = 0
        for vector in load("valid.json"):
            if vector["direction"] != "client":
                continue
            with self.subTest(vector["name"]):
                self.assertEqual(self.encoded(vector).hex(), vector["hex"])
                count += 1
        self.assertGreater(count, 30)

    def encoded(self, vector):
        if vector["type"] == "hello":
            resumption = None
            if "token" in vector:
                resumption = wire.Resumption(
                    int(vector["epoch"]), int(vector["session"]), bytes.fromhex(vector["token"]), int(vector["received"]))
            return wire.hello(int(vector["features"]), resumption, (vector["min_version"], vector["max_version"]))
        if vector["type"] == "submit":
            return wire.submit([
                (int(entry["request_id"]), wire.Entry(
                    entry["number"], entry["slot"], entry["sub_opcode"], int(entry["offset"]),
                    bytes.fromhex(entry["argument"]), entry["flags"], entry["timeout_ms"]))
                for entry in vector["entries"]])
        if vector["type"] == "acknowledge":
            return wire.acknowledge(int(vector["received"]))
        return wire.GOODBYE


class Invalid(unittest.TestCase):
    def test_what_breaks_a_rule_is_told_by_its_number(self):
        rules = [self.rule_broken(vector) for vector in load("invalid.json") if vector["direction"] == "gateway"]
        self.assertGreater(len(rules), 20)

    def rule_broken(self, vector):
        with self.subTest(vector["name"]):
            with self.assertRaises(wire.WireError) as caught:
                self.read(vector)
            self.assertIn(caught.exception.rule, [vector["rule"], *vector["also_breaks"]])

    def read(self, vector):
        buffer = bytearray(bytes.fromhex(vector["hex"]))
        for kind, count, payload in wire.split(buffer, vector["payload_limit"]):
            if kind == wire.FrameType.WELCOME:
                wire.decode_welcome(payload)
            elif kind == wire.FrameType.COMPLETE:
                for completion in wire.decode_completions(count, payload):
                    if completion.flags & wire.CompletionFlags.GAP:
                        wire.decode_gap(completion)
            elif kind == wire.FrameType.ERROR:
                wire.decode_error(payload)
            elif kind == wire.FrameType.GOODBYE:
                wire.decode_goodbye(payload)


class Arguments(unittest.TestCase):
    def test_arguments_and_replies(self):
        for vector in load("arguments.json"):
            with self.subTest(vector["name"]):
                packed = arguments.pack(vector["command"], arguments.parsed(vector["values"]))
                self.assertEqual(packed.code, vector["sub_opcode"])
                self.assertEqual(packed.argument.hex(), vector["argument"])
                fields = arguments.unpack(packed, bytes.fromhex(vector["reply"]))
                self.assertEqual(
                    {name: arguments.shown(value) for name, value in fields.items()}, vector["fields"])


if __name__ == "__main__":
    unittest.main()
