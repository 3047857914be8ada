import RingPolicy

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A site's policy with the profiles it uses, free of errors.
public struct LoadedPolicy: Sendable {
    public let principals: [Principal]
    public let roles: [Role]
    /// Those of the file; `@gateway` is not among them.
    public let devices: [Device]
    public let rules: [Rule]
    public let nevers: [NeverRule]
    /// All profiles of the directory, by name, whether a device uses them or not.
    public let profiles: [Profile]
    /// What names this policy: hash it with SHA-256 for the revision.
    ///
    /// Layout: length u64 and bytes of the policy, then for each profile in order of its name: length u64
    /// and bytes of the file's name, length u64 and bytes of the file. Little-endian.
    public let revisionInput: [UInt8]

    /// The policy as the gateway uses it; `revision` is the SHA-256 of `revisionInput`.
    public func snapshot(revision: [UInt8]) -> PolicySnapshot {
        let usesGateway = rules.contains { $0.rights[GatewayProfile.deviceName] != nil }
        return PolicySnapshot(
            revision: revision, principals: principals,
            devices: devices + (usesGateway ? [GatewayProfile.device] : []),
            rules: rules, nevers: nevers, profiles: profiles)
    }
}

/// Reads policies. Strict: what is not understood in full is not loaded at all.
public enum PolicyLoader {
    /// Reads the policy file at `path` and every `*.yaml` of `directory`.
    ///
    /// Throws all errors of all files that can be told at once.
    public static func load(
        policy path: String, profiles directory: String
    ) throws(PolicyErrors) -> LoadedPolicy {
        var report = Report(path)
        let policy = SourceText.read(path, &report)
        return try load(policy, report.diagnostics, profiles: directory)
    }

    /// Reads a policy that is already in memory, and every `*.yaml` of `directory`.
    public static func load(
        _ policy: SourceText, profiles directory: String
    ) throws(PolicyErrors) -> LoadedPolicy {
        try load(policy, [], profiles: directory)
    }

    private static func load(
        _ policy: SourceText?, _ flaws: [Diagnostic], profiles directory: String
    ) throws(PolicyErrors) -> LoadedPolicy {
        var listing = Report(directory)
        let names = profileNames(directory, &listing)
        var reports = [listing]
        var sources: [SourceText] = []
        for name in names {
            var report = Report("\(directory)/\(name)")
            if let source = SourceText.read(report.file, &report) { sources.append(source) }
            reports.append(report)
        }
        let diagnostics = reports.flatMap(\.diagnostics) + flaws
        guard let policy, diagnostics.isEmpty else {
            // What can be read is checked all the same, profiles alone when the policy is what is missing.
            var others: [Diagnostic] = []
            for source in sources {
                var report = Report(source.path)
                var references: [ProfileReference] = []
                _ = ProfileReader.read(source, &references, &report)
                others += report.diagnostics
            }
            throw PolicyErrors(diagnostics + others)
        }
        return try load(policy, profiles: sources)
    }

    /// Reads every profile of `directory`, without a policy.
    public static func loadProfiles(_ directory: String) throws(PolicyErrors) -> [Profile] {
        var listing = Report(directory)
        let names = profileNames(directory, &listing)
        var diagnostics = listing.diagnostics
        var sources: [SourceText] = []
        for name in names {
            var report = Report("\(directory)/\(name)")
            if let source = SourceText.read(report.file, &report) { sources.append(source) }
            diagnostics += report.diagnostics
        }
        let profiles = readProfiles(sources, &diagnostics)
        guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics) }
        return profiles.elements.compactMap(\.element)
    }

    /// Reads a policy and profiles that are already in memory. A profile's path must end in `/NAME.yaml`.
    public static func load(
        _ policy: SourceText, profiles sources: [SourceText]
    ) throws(PolicyErrors) -> LoadedPolicy {
        let sources = sources.sorted { $0.fileName < $1.fileName }
        var diagnostics: [Diagnostic] = []
        let profiles = readProfiles(sources, &diagnostics)
        var report = Report(policy.path)
        let contents = PolicyReader.read(policy, profiles, &report)
        diagnostics += report.diagnostics
        guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics) }
        return LoadedPolicy(
            principals: contents.principals, roles: contents.roles, devices: contents.devices,
            rules: contents.rules, nevers: contents.nevers, profiles: profiles.elements.compactMap(\.element),
            revisionInput: revisionInput(policy, sources))
    }

    private static let suffix = ".yaml"

    private static func readProfiles(
        _ sources: [SourceText], _ diagnostics: inout [Diagnostic]
    ) -> Named<Profile> {
        var profiles = Named<Profile>("profile")
        var reports: [(report: Report, references: [ProfileReference])] = []
        for source in sources {
            var report = Report(source.path)
            var references: [ProfileReference] = []
            let profile = ProfileReader.read(source, &references, &report)
            if profile?.name == GatewayProfile.profile.name {
                report.add(.wholeFile, "this profile's name is the gateway's own", "choose another name")
            }
            // A profile with errors still counts as known, or every device of it would be an error too.
            profiles.add(profile?.name ?? String(source.fileName.dropLast(suffix.count)), profile)
            reports.append((report, references))
        }
        let names = profiles.elements.map(\.name)
        for (var report, references) in reports {
            for reference in references where !names.contains(reference.name) {
                report.add(
                    reference.place, "there is no profile `\(reference.name)`",
                    Suggestion.hint(for: reference.name, among: names))
            }
            diagnostics += report.diagnostics
        }
        return profiles
    }

    private static func revisionInput(_ policy: SourceText, _ profiles: [SourceText]) -> [UInt8] {
        var input: [UInt8] = []
        let parts = [policy.bytes] + profiles.flatMap { [Array($0.fileName.utf8), $0.bytes] }
        for part in parts {
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { input.append(contentsOf: $0) }
            input.append(contentsOf: part)
        }
        return input
    }

    /// Names of the profile files, sorted. Hidden files are none of ours.
    private static func profileNames(_ directory: String, _ report: inout Report) -> [String] {
        guard let stream = opendir(directory) else {
            let reason = String(cString: strerror(errno))
            report.add(
                .wholeFile, "cannot be opened: \(reason)", "name the directory that holds the profiles")
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix(".") else { continue }
            if name.hasSuffix(suffix) { names.append(name) }
            if name.hasSuffix(".yml") {
                report.add(.wholeFile, "`\(name)` would be ignored", "call it NAME.yaml or remove it")
            }
        }
        guard names.count <= FileLimits.profiles else {
            report.add(
                .wholeFile, "\(names.count) profiles; at most \(FileLimits.profiles)",
                "remove what is not used")
            return []
        }
        return names.sorted()
    }
}
