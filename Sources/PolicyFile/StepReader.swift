import RingPolicy
import RingProtocol

/// A step with its place, for what is found wrong with it later.
struct PlacedStep {
    let step: Procedure.Step
    let place: Location
}

/// The `steps` of a procedure.
struct StepReader {
    private let procedure: String
    private let parameters: [Field]
    private let devices: Named<Device>
    private let profiles: [Profile]
    /// Files that earlier steps gave: the device they came from, and the profiles they were given by,
    /// outermost first.
    private var files: [String: (device: String, path: [Profile])] = [:]
    /// What the steps may do, by device; grows with them.
    private(set) var rights: [String: FileRights] = [:]
    private(set) var effect = Effect.read

    init(_ procedure: String, _ parameters: [Field], _ devices: Named<Device>, _ profiles: [Profile]) {
        self.procedure = procedure
        self.parameters = parameters
        self.devices = devices
        self.profiles = profiles
    }

    mutating func read(_ value: Value, _ report: inout Report) -> [PlacedStep] {
        guard let items = value.items("steps", maximum: Procedure.maximumSteps, &report) else { return [] }
        var steps: [PlacedStep] = []
        for item in items {
            guard let step = readStep(item, &report) else { continue }
            steps.append(PlacedStep(step: step, place: item.place))
        }
        return steps
    }

    private mutating func readStep(_ value: Value, _ report: inout Report) -> Procedure.Step? {
        guard var map = MapReader(value, "a step", &report) else { return nil }
        let on = map.optional("on"), use = map.optional("use"), with = map.optional("with")
        let name = map.optional("as"), write = map.optional("write"), wait = map.optional("wait")
        map.finish(&report)
        switch (on, use, write, wait) {
        case (nil, nil, nil, let wait?) where with == nil && name == nil: return readWait(wait, &report)
        case (let on?, nil, let write?, nil) where with == nil && name == nil:
            return readWrite(write, on, &report)
        case (let on?, let use?, nil, nil): return readCommand(use, on, with, name, &report)
        default:
            report.add(
                value.place, "a step does one thing",
                "write {on: FILE, use: COMMAND, with: {...}}, {on: FILE, write: TEXT} or {wait: 500ms}")
            return nil
        }
    }

    // MARK: Files

    /// A device of the site, or a file that an earlier step gave.
    private func findFile(_ value: Value, _ report: inout Report) -> (
        name: String, device: String, path: [Profile]
    )? {
        guard let name = value.name("file", &report) else { return nil }
        if let given = files[name] { return (name, given.device, given.path) }
        let known = devices.elements.map(\.name) + files.keys
        guard known.contains(name) else {
            report.add(
                value.place, "there is no device or given file `\(name)`",
                Suggestion.hint(for: name, among: known))
            return nil
        }
        return devices.find(value, &report).map { ($0.name, $0.name, [$0.profile]) }
    }

    private mutating func allow(
        _ device: String, _ path: [Profile], _ change: (inout FileRightsDraft) -> Void
    ) {
        var draft = FileRightsDraft(rights[device] ?? FileRights())
        draft.change(at: path.dropFirst().map(\.name)[...], change)
        rights[device] = draft.rights
    }

    // MARK: Steps

    private mutating func readWrite(_ value: Value, _ on: Value, _ report: inout Report) -> Procedure.Step? {
        guard let file = findFile(on, &report) else { return nil }
        guard let text = value.text, !text.isEmpty, text.utf8.count <= FileLimits.text else {
            report.add(
                value.place, "`write` is text of 1 to \(FileLimits.text) bytes, not \(value.words)",
                "write it in double quotes, with \\r\\n where lines end")
            return nil
        }
        let device = devices.elements.first { $0.name == file.name }?.element
        guard device?.access != .readOnly else {
            report.add(
                on.place, "device `\(file.name)` is opened read-only, so it cannot be written",
                "open it read-write or remove the step")
            return nil
        }
        effect = max(effect, .write)
        allow(file.device, file.path) { $0.write = TransferRights(maxLength: FileLimits.text) }
        return Procedure.Step(on: file.name, .write(Array(text.utf8)))
    }

    private mutating func readCommand(
        _ use: Value, _ on: Value, _ with: Value?, _ name: Value?, _ report: inout Report
    ) -> Procedure.Step? {
        guard let file = findFile(on, &report), let profile = file.path.last,
            let command = use.symbol("command", &report)
        else { return nil }
        guard let shape = profile.command(named: command) else {
            report.add(
                use.place, "profile `\(profile.name)` has no command `\(command)`",
                Suggestion.hint(for: command, among: profile.commands.map(\.name)))
            return nil
        }
        let given = readGiven(name, shape, file.device, file.path, use.place, &report)
        guard let values = with.map({ readValues($0, &report) }) ?? [:], let given else { return nil }
        effect = max(effect, shape.effect)
        allow(file.device, file.path) { draft in
            guard !draft.commands.contains(where: { $0.shape.name == command }) else { return }
            draft.commands.append(.init(shape))
        }
        return Procedure.Step(
            on: file.name, .command(command, values: values, gives: given.isEmpty ? nil : given))
    }

    /// The name of the file that a command gives; empty when it gives none.
    private mutating func readGiven(
        _ value: Value?, _ shape: CommandShape, _ device: String, _ path: [Profile], _ place: Location,
        _ report: inout Report
    ) -> String? {
        guard let value else {
            guard let profile = shape.givenProfile else { return "" }
            report.add(
                place, "\(shape.name) gives a file of profile `\(profile)`",
                "name it for later steps: `as: NAME`")
            return nil
        }
        guard let name = value.name("file", &report) else { return nil }
        guard let profile = profiles.first(where: { $0.name == shape.givenProfile }) else {
            report.add(value.place, "\(shape.name) gives no file", "remove `as`")
            return nil
        }
        let isDevice = devices.elements.contains { $0.name == name }
        guard !isDevice, files.updateValue((device, path + [profile]), forKey: name) == nil else {
            report.add(value.place, "there is another file `\(name)`", "choose another name")
            return nil
        }
        return name
    }

    private func readValues(_ value: Value, _ report: inout Report) -> [String: Procedure.Value]? {
        guard case .map(let pairs) = value.content else {
            report.add(
                value.place, "`with` is a mapping of values, not \(value.words)", "write {FIELD: VALUE, ...}")
            return nil
        }
        guard pairs.count <= FileLimits.fields else {
            report.add(
                value.place, "`with` has \(pairs.count) values; at most \(FileLimits.fields)", "use fewer")
            return nil
        }
        var values: [String: Procedure.Value] = [:]
        for pair in pairs {
            guard let path = pair.key.text, let text = pair.value.text else {
                report.add(pair.value.place, "a value is a number, a name or text", "write {FIELD: VALUE}")
                return nil
            }
            guard let read = readValue(text, pair.value, &report) else { return nil }
            values[path] = read
        }
        return values
    }

    /// `$NAME` is a parameter, everything else is what it is.
    private func readValue(_ text: String, _ value: Value, _ report: inout Report) -> Procedure.Value? {
        guard text.hasPrefix("$") else { return .text(text) }
        let name = String(text.dropFirst())
        if let index = parameters.firstIndex(where: { $0.name == name }) { return .parameter(index) }
        report.add(
            value.place, "procedure `\(procedure)` has no parameter `\(name)`",
            Suggestion.hint(for: name, among: parameters.map(\.name)))
        return nil
    }

    /// `500ms`, or a parameter with its unit: `$seconds s`.
    private func readWait(_ value: Value, _ report: inout Report) -> Procedure.Step? {
        guard let text = value.text, text.hasPrefix("$") else {
            guard let time = value.duration("wait", &report) else { return nil }
            return wait(.text(String(time)), 1, Int128(time), value, &report)
        }
        let parts = text.split(separator: " ").map(String.init)
        let units: [String: UInt64] = ["ms": 1, "s": 1000]
        guard parts.count == 2, let unit = units[parts[1]] else {
            report.add(value.place, "\(value.words) is no wait", "write 500ms, \"$NAME ms\" or \"$NAME s\"")
            return nil
        }
        guard let read = readValue(parts[0], value, &report), case .parameter(let index) = read else {
            return nil
        }
        return wait(read, unit, parameters[index].greatest * Int128(unit), value, &report)
    }

    private func wait(
        _ value: Procedure.Value, _ unit: UInt64, _ longest: Int128, _ place: Value, _ report: inout Report
    ) -> Procedure.Step? {
        guard longest <= Int128(Procedure.maximumWait) else {
            report.add(
                place.place,
                "a step may wait \(Procedure.maximumWait / 1000) s, and this one up to \(longest / 1000) s",
                "wait less, or give the parameter a smaller `range`")
            return nil
        }
        return Procedure.Step(on: "", .wait(value, unit: unit))
    }
}

extension Field {
    /// The least and the greatest value that pass its checks; empty when none does.
    var ends: [Int128] {
        guard let range else { return [] }
        var low = range.lowerBound, high = range.upperBound
        var mask: Int128?
        var listed: [Int128]?
        for check in checks {
            switch check {
            case .equals(let value): listed = (listed ?? [value]).filter { $0 == value }
            case .oneOf(let values): listed = (listed ?? Array(values)).filter(values.contains)
            case .range(let bounds): (low, high) = (max(low, bounds.lowerBound), min(high, bounds.upperBound))
            case .mask(let bits): mask = Int128(bits) & (mask ?? -1)
            case .sum: break
            }
        }
        if let mask {
            (low, high) = (max(low, 0).raised(into: mask), high.lowered(into: mask))
            listed = listed?.filter { $0 & ~mask == 0 }
        }
        if let listed {
            let allowed = listed.filter { low <= $0 && $0 <= high }
            (low, high) = (allowed.min() ?? 1, allowed.max() ?? 0)
        }
        guard low <= high else { return [] }
        return low == high ? [low] : [low, high]
    }

    var greatest: Int128 { ends.last ?? 0 }
}

extension Int128 {
    /// The highest bit that is not in `mask`; nil when all are.
    private func highestBit(outside mask: Int128) -> Int128? {
        let outside = self & ~mask
        return outside == 0 ? nil : 1 << Int128(127 - outside.leadingZeroBitCount)
    }

    /// The least number from this one on, which is not negative, whose bits are all in `mask`; beyond `mask`
    /// when there is none.
    fileprivate func raised(into mask: Int128) -> Int128 {
        var number = self
        // Each turn carries into a higher bit.
        while number <= mask, let bit = number.highestBit(outside: mask) {
            number = (number | (bit << 1 - 1)) + 1
        }
        return number
    }

    /// The greatest number up to this one whose bits are all in `mask`; negative when there is none.
    fileprivate func lowered(into mask: Int128) -> Int128 {
        guard self >= 0, let bit = highestBit(outside: mask) else { return self }
        return self & ~(bit << 1 - 1) | mask & (bit - 1)
    }
}

/// Rights that are still being gathered.
private struct FileRightsDraft {
    var commands: [FileRights.Command]
    var write: TransferRights?
    var handles: [String: FileRights]

    init(_ rights: FileRights) {
        commands = rights.commands
        write = rights.write
        handles = rights.handles
    }

    var rights: FileRights { FileRights(commands: commands, write: write, handles: handles) }

    /// Changes the rights on the file at the end of a path of handles' profiles.
    mutating func change(at path: ArraySlice<String>, _ change: (inout Self) -> Void) {
        guard let first = path.first else { return change(&self) }
        var inner = Self(handles[first] ?? FileRights())
        inner.change(at: path.dropFirst(), change)
        handles[first] = inner.rights
    }
}
