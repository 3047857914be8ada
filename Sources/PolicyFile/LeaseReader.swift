import RingPolicy

/// The `lease` of a device.
enum LeaseReader {
    private static let modes: KeyValuePairs<String, LeaseTerms.Mode> = [
        "none": LeaseTerms.Mode.none, "shared": .shared, "exclusive": .exclusive,
    ]

    /// A mode, or a mapping with one.
    static func read(_ value: Value, _ what: String, _ report: inout Report) -> LeaseTerms? {
        guard case .map = value.content else {
            return value.choice("way to lease", modes, &report).map { LeaseTerms($0) }
        }
        guard var map = MapReader(value, "`lease` of \(what)", &report) else { return nil }
        let mode = map.required("mode", &report)?.choice("way to lease", modes, &report)
        let longestValue = map.optional("ttl")
        let longest = longestValue.map { $0.duration("ttl", in: FileLimits.lease, &report) }
        map.finish(&report)
        if let longestValue, mode == LeaseTerms.Mode.none {
            report.add(
                longestValue.place, "nobody can lease \(what), so no lease has an end",
                "remove `ttl`, or choose another `mode`")
            return nil
        }
        guard let mode, let longest = longest ?? UInt32(LeaseTerms.usualLongest) else { return nil }
        return LeaseTerms(mode, longest: UInt64(longest))
    }
}

/// The `on-release` of a device, until the procedures of the site are known.
struct NamedRelease {
    let device: String
    let procedure: Value

    /// It must be a procedure of the device itself that can be run without anybody who gives it numbers.
    func check(_ procedures: Named<Procedure>, _ report: inout Report) {
        guard let found = procedures.find(procedure, &report) else { return }
        if found.device != device {
            report.add(
                procedure.place,
                "procedure `\(found.name)` is one of device `\(found.device)`, not of `\(device)`",
                "name one with `device: \(device)`")
        }
        if !found.parameters.isEmpty {
            report.add(
                procedure.place, "procedure `\(found.name)` has parameters, and nobody to give them",
                "name one without `parameters`")
        }
    }
}
