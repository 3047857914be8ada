import RingProtocol

/// A chain of steps under one name, which a rule may let somebody run who may not send the commands inside.
///
/// Clients see it as a command of its device whose argument has the parameters as fields.
public struct Procedure: Sendable {
    /// What may stand in place of a number or a text: written out, or a parameter of the caller's.
    public enum Value: Sendable, Hashable {
        case text(String)
        /// Index into the parameters.
        case parameter(Int)

        /// What it is when the parameters have these values.
        public func text(_ values: [Int128]) -> String {
            switch self {
            case .text(let text): text
            case .parameter(let index): values.indices.contains(index) ? String(values[index]) : ""
            }
        }
    }
    public enum Action: Sendable {
        /// A command by its name, with values by dotted path, and the name under which later steps know the
        /// file that it gives.
        case command(String, values: [String: Value], gives: String?)
        case write([UInt8])
        /// So many milliseconds times the value.
        case wait(Value, unit: UInt64)
    }
    public struct Step: Sendable {
        /// A device, or a file that an earlier step gave; empty when the step needs none.
        public let file: String
        public let action: Action

        public init(on file: String, _ action: Action) {
            self.file = file
            self.action = action
        }
    }

    public let name: String
    /// Whose command it is.
    public let device: String
    /// Back to back from the argument's first byte on.
    public let parameters: [Field]
    public let steps: [Step]
    /// What may be done in its steps, by the device's name: exactly the commands they are.
    public let rights: [String: FileRights]
    /// As a command.
    public let shape: CommandShape

    /// Steps of one procedure.
    public static let maximumSteps = 256
    /// Parameters of one procedure.
    public static let maximumParameters = 32
    /// Procedures of one device.
    public static let maximumPerDevice = 256
    /// Milliseconds that one step may wait.
    public static let maximumWait: UInt64 = 3_600_000

    /// The code of a device's `index`-th procedure. No ioctl has it: its type
    /// would be 0 and its size the greatest.
    public static func code(_ index: Int) -> SubOpcode { SubOpcode(0xffff_0000 | UInt32(index)) }

    public init(
        name: String, device: String, index: Int, summary: String, effect: Effect, parameters: [Field],
        steps: [Step], rights: [String: FileRights]
    ) {
        self.name = name
        self.device = device
        self.parameters = parameters
        self.steps = steps
        self.rights = rights
        let size = parameters.map { $0.offset + $0.size }.max() ?? 0
        shape = CommandShape(
            name: name, pattern: CodePattern(Self.code(index)), transport: .procedure, effect: effect,
            placement: size == 0 ? .none : .parameters,
            blocks: size == 0 ? [] : [Block(elementSize: size, fields: parameters)], summary: summary)
    }

    /// The parameters' values in an argument that was authorized.
    public func values(_ argument: WireBytes) -> [Int128] {
        parameters.map { $0.reader?.read(argument) ?? 0 }
    }
}

extension PolicySnapshot {
    /// What the steps of a procedure may do on a device: rules do not count, what is never allowed does.
    public func grant(for procedure: Procedure, on name: String) -> Grant? {
        guard let rights = procedure.rights[name], let device = devices.first(where: { $0.name == name })
        else {
            return nil
        }
        let source = GrantParts.Source(
            rule: "procedure/\(procedure.name)", rights: rights, limits: UseLimits())
        return Grant(
            GrantParts(
                device, [source], nevers(nevers.filter { $0.principals == nil }, on: device), profiles, nil))
    }

    /// The opening of a device for the steps of a procedure.
    public func authorizeOpen(_ name: String, for procedure: Procedure) throws(Refusal) -> AuthorizedOpen {
        guard let grant = grant(for: procedure, on: name) else {
            throw Refusal(.noRule, "procedure `\(procedure.name)` has no steps on `\(name)`")
        }
        return AuthorizedOpen(grant)
    }
}
