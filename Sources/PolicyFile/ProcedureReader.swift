import RingCodec
import RingPolicy
import RingProtocol

/// The `procedures` of a site: chains of steps under one name.
struct ProcedureReader {
    private let devices: Named<Device>
    private let profiles: [Profile]
    /// How many each device has so far.
    private var counts: [String: Int] = [:]

    init(_ devices: Named<Device>, _ profiles: Named<Profile>) {
        self.devices = devices
        self.profiles = profiles.elements.compactMap(\.element)
    }

    mutating func read(_ value: Value, _ report: inout Report) -> Named<Procedure> {
        var procedures = Named<Procedure>("procedure")
        for pair in value.namedItems("procedures", &report) ?? [] {
            guard let name = pair.key.name("procedure", &report) else { continue }
            procedures.add(name, readProcedure(name, pair.value, &report))
        }
        return procedures
    }

    private mutating func readProcedure(_ name: String, _ value: Value, _ report: inout Report) -> Procedure?
    {
        let before = report.diagnostics.count
        guard var map = MapReader(value, "procedure `\(name)`", &report) else { return nil }
        let device = map.required("device", &report).flatMap { devices.find($0, &report) }
        let summary = map.required("summary", &report)?.line("summary", &report)
        let parametersValue = map.optional("parameters")
        let parameters = parametersValue.map { readParameters($0, &report) } ?? .some([])
        let steps = map.required("steps", &report)
        map.finish(&report)
        // Steps that name parameters would be blamed for what is wrong with those.
        guard let device, let summary, let steps, let parameters else { return nil }
        var reader = StepReader(name, parameters, devices, profiles)
        let read = reader.read(steps, &report)
        let index = counts[device.name, default: 0]
        counts[device.name] = index + 1
        guard index < Procedure.maximumPerDevice else {
            report.add(
                value.place, "device `\(device.name)` has more than \(Procedure.maximumPerDevice) procedures",
                "remove what is not used")
            return nil
        }
        guard report.diagnostics.count == before else { return nil }
        if let command = device.profile.command(named: name) ?? device.profile.command(Procedure.code(index))
        {
            report.add(
                value.place, "profile `\(device.profile.name)` has `\(command.name)` under this name or code",
                "choose another name")
            return nil
        }
        let procedure = Procedure(
            name: name, device: device.name, index: index, summary: summary, effect: reader.effect,
            parameters: parameters, steps: read.map(\.step), rights: reader.rights)
        ProcedureTrial(procedure, read, devices, profiles).check(&report)
        return report.diagnostics.count == before ? procedure : nil
    }

    /// Parameters lie back to back in the argument, in the order of the file.
    private func readParameters(_ value: Value, _ report: inout Report) -> [Field]? {
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(
                value.place, "`parameters` is a mapping, not \(value.words)",
                "write {NAME: {type: u8, range: [1, 10]}}, or leave it out")
            return nil
        }
        guard pairs.count <= Procedure.maximumParameters else {
            report.add(
                value.place,
                "`parameters` has \(pairs.count) names; at most \(Procedure.maximumParameters)", "use fewer")
            return nil
        }
        var fields: [Field] = []
        for pair in pairs {
            let offset = fields.map(\.size).reduce(0, +)
            guard let name = pair.key.symbol("parameter", &report),
                let field = readParameter(name, offset, pair.value, &report)
            else { continue }
            fields.append(field)
        }
        return fields.count == pairs.count ? fields : nil
    }

    private func readParameter(
        _ name: String, _ offset: Int, _ value: Value, _ report: inout Report
    ) -> Field? {
        guard var map = MapReader(value, "parameter `\(name)`", &report) else { return nil }
        let typeValue = map.required("type", &report)
        let names = FieldItem.readNames(&map, &report)
        let tests = FieldTestReader.keys.compactMap { key in map.optional(key).map { (key, $0) } }
        map.finish(&report)
        guard let typeValue else { return nil }
        guard let text = typeValue.text, let type = FieldType(named: text), !text.hasSuffix("be") else {
            report.add(
                typeValue.place, "\(typeValue.words) is no parameter type",
                "write one of: u8, u16, u32, u64, s8, s16, s32, s64")
            return nil
        }
        guard let names else { return nil }
        let bare = Field(name: name, type: type, offset: offset, names: names)
        let checks = tests.compactMap { FieldTestReader(bare, name).read($0, $1, &report) }
        return Field(name: name, type: type, offset: offset, names: names, checks: checks)
    }
}

extension Named where Element == Device {
    /// The same devices, each with its procedures.
    func with(_ procedures: Named<Procedure>) -> Named<Device> {
        var devices = Named<Device>(what)
        let all = procedures.elements.compactMap(\.element)
        for (name, device) in elements {
            devices.add(name, device.map { device in device.with(all.filter { $0.device == name }) })
        }
        return devices
    }
}
