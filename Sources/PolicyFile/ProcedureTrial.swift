import RingCodec
import RingPolicy
import RingProtocol

/// Tries every step of a procedure on the policy's own decision, with its parameters at both ends of what
/// they may be: a step that could never run is found when the policy is read, not when a board is on fire.
struct ProcedureTrial {
    private let procedure: Procedure
    private let steps: [PlacedStep]
    private let snapshot: PolicySnapshot

    init(_ procedure: Procedure, _ steps: [PlacedStep], _ devices: Named<Device>, _ profiles: [Profile]) {
        self.procedure = procedure
        self.steps = steps
        snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [],
            devices: devices.elements.compactMap(\.element), rules: [], profiles: profiles)
    }

    func check(_ report: inout Report) {
        let ends = procedure.parameters.map(\.ends)
        if let index = ends.firstIndex(where: \.isEmpty) {
            report.add(
                steps.first?.place ?? .start,
                "parameter `\(procedure.parameters[index].name)` can have no value",
                "correct its tests")
            return
        }
        for values in [ends.compactMap(\.first), ends.compactMap(\.last)] {
            var files: [String: Grant] = [:]
            for step in steps {
                if let text = problem(with: step.step, values, &files) {
                    let given = zip(procedure.parameters, values).map { "\($0.name) = \($1)" }
                    let with = given.isEmpty ? "" : " (with \(given.joined(separator: ", ")))"
                    report.add(step.place, "the step would be refused: \(text)\(with)", "correct its `with`")
                    return
                }
            }
        }
    }

    private func problem(
        with step: Procedure.Step, _ values: [Int128], _ files: inout [String: Grant]
    ) -> String? {
        guard case .command(let name, let given, let handle) = step.action else { return nil }
        guard let grant = files[step.file] ?? snapshot.grant(for: procedure, on: step.file),
            let description = grant.description.commands.first(where: { $0.name == name })
        else { return "\(name) is never allowed on `\(step.file)`" }
        let argument: EncodedCommand
        do throws(FieldError) {
            argument = try ArgumentCodec(description).encode(given.mapValues { $0.text(values) })
        } catch {
            return error.description
        }
        if let handle, let profile = grant.device.profile.command(named: name)?.givenProfile {
            files[handle] = grant.handles.first { $0.profile == profile }?.grant
        }
        return Self.refusal(grant, argument)
    }

    private static func refusal(_ grant: Grant, _ command: EncodedCommand) -> String? {
        command.argument.withUnsafeBytes { bytes in
            var layout = Layout()
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: command.code, argument: WireBytes(bytes))
            do throws(Refusal) {
                _ = try grant.authorize(entry, on: OpenFileID(0), &layout) { _ in nil }
                return nil
            } catch {
                return error.text
            }
        }
    }
}
