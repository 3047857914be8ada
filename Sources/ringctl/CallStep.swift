import ArgumentParser
import Foundation
import RingClient
import RingProtocol

/// One command of a `call`: its name or number, and the values of its argument.
struct CallStep {
    let command: String
    let values: [String: String]

    /// The commands of a line, separated by `+`; each but the first runs on the file that the one before gave.
    static func split(_ words: [String]) throws -> [CallStep] {
        try words.split(separator: "+", omittingEmptySubsequences: false).map { try CallStep(Array($0)) }
    }

    private init(_ words: [String]) throws {
        guard let command = words.first else { throw ValidationError("a command is missing beside +") }
        self.command = command
        var values: [String: String] = [:]
        for word in words.dropFirst() {
            let (path, text) = try Assignment.split(word)
            guard values.updateValue(text, forKey: path) == nil else {
                throw ValidationError("field \(path) is given twice")
            }
        }
        self.values = values
    }

    /// The values with `@FILE` replaced by what is in the file.
    func resolved() throws -> [String: String] {
        try values.mapValues { text in
            guard text.hasPrefix("@") else { return text }
            return "hex:" + Hex.text(try Self.contents(of: String(text.dropFirst())))
        }
    }

    private static func contents(of path: String) throws -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            // One byte more than any argument holds, so that a longer file is told to be too long.
            return Array(try file.read(upToCount: Limits.payload + 1) ?? Data())
        } catch {
            throw UsageFailure(description: "cannot read \(path): \(error.localizedDescription)")
        }
    }
}

/// The command meant, with its description if there is one.
struct Target {
    let name: String?
    let code: SubOpcode
    let description: CommandDescription?
    let codec: ArgumentCodec?
    /// Values that choose the code that was given from a family.
    private let choices: [String: String]

    /// A name that describe does not list is an error; a number goes to the gateway, which decides.
    ///
    /// Of several commands with the number's code, `argument` tells which is meant where it can.
    init(_ text: String, argument: [UInt8]?, in device: DeviceDescription) throws {
        if let match = device.commands.first(where: { $0.name == text }) {
            self.init(match, SubOpcode(match.code), try ArgumentCodec(match), [:])
            return
        }
        guard let number = text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text) else {
            throw NotAllowed(command: text, device: device.device, allowed: device.commands.map(\.name))
        }
        let code = SubOpcode(number)
        var candidates: [Target] = []
        for command in device.commands {
            let codec = try ArgumentCodec(command)
            guard let choices = command.code == number ? [:] : codec.choices(of: code) else { continue }
            if let argument, (try? codec.prove(argument, code: code)) == nil { continue }
            candidates.append(Target(command, code, codec, choices))
        }
        guard argument != nil || candidates.count < 2 else {
            let names = candidates.compactMap(\.name).joined(separator: ", ")
            throw UsageFailure(description: "\(text) is several commands; name one of \(names)")
        }
        self = candidates.first ?? Target(nil, code, nil, [:])
    }

    private init(
        _ description: CommandDescription?, _ code: SubOpcode, _ codec: ArgumentCodec?,
        _ choices: [String: String]
    ) {
        name = description?.name
        self.code = code
        self.description = description
        self.codec = codec
        self.choices = choices
    }

    func encode(_ values: [String: String]) throws -> EncodedCommand {
        guard let codec else {
            guard values.isEmpty else {
                throw UsageFailure(
                    description: "describe does not list \(code), so it has no fields; use --argument")
            }
            return encode(argument: [])
        }
        return try codec.encode(values.merging(choices) { given, _ in given })
    }

    /// An argument that describe does not explain is for the gateway to judge.
    func encode(argument: [UInt8]) -> EncodedCommand {
        if let proven = try? codec?.prove(argument, code: code) { return proven }
        return EncodedCommand(code: code, argument: argument, replySize: description?.replySize ?? 0)
    }
}
