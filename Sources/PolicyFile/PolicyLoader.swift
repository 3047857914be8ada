import RingPolicy

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A site's policy with the profiles it uses, free of errors.
public struct LoadedPolicy: Sendable {
    public let principals: [Principal]
    public let devices: [Device]
    public let rules: [Rule]
    /// All profiles of the directory, by name, whether a device uses them or not.
    public let profiles: [Profile]
    /// What names this policy: hash it with SHA-256 for the revision.
    ///
    /// Layout: length u64 and bytes of the policy, then for each profile in order of its name: length u64
    /// and bytes of the file's name, length u64 and bytes of the file. Little-endian.
    public let revisionInput: [UInt8]

    /// The policy as the gateway uses it; `revision` is the SHA-256 of `revisionInput`.
    public func snapshot(revision: [UInt8]) -> PolicySnapshot {
        PolicySnapshot(revision: revision, principals: principals, devices: devices, rules: rules)
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
        var listing = Report(directory)
        let names = profileNames(directory, &listing)
        var reports = [listing]
        var sources: [SourceText] = []
        for name in names {
            var report = Report("\(directory)/\(name)")
            if let source = SourceText.read(report.file, &report) { sources.append(source) }
            reports.append(report)
        }
        var report = Report(path)
        let policy = SourceText.read(path, &report)
        reports.append(report)
        let diagnostics = reports.flatMap(\.diagnostics)
        guard let policy, diagnostics.isEmpty else {
            // What can be read is checked all the same, profiles alone when the policy is what is missing.
            var others: [Diagnostic] = []
            for source in sources {
                var report = Report(source.path)
                _ = ProfileReader.read(source, &report)
                others += report.diagnostics
            }
            throw PolicyErrors(diagnostics + others)
        }
        return try load(policy, profiles: sources)
    }

    /// Reads a policy and profiles that are already in memory. A profile's path must end in `/NAME.yaml`.
    public static func load(
        _ policy: SourceText, profiles sources: [SourceText]
    ) throws(PolicyErrors) -> LoadedPolicy {
        let sources = sources.sorted { $0.fileName < $1.fileName }
        var diagnostics: [Diagnostic] = []
        var profiles = Named<Profile>("profile")
        for source in sources {
            var report = Report(source.path)
            let profile = ProfileReader.read(source, &report)
            diagnostics += report.diagnostics
            // A profile with errors still counts as known, or every device of it would be an error too.
            profiles.add(profile?.name ?? String(source.fileName.dropLast(suffix.count)), profile)
        }
        var report = Report(policy.path)
        let (principals, devices, rules) = PolicyReader.read(policy, profiles, &report)
        diagnostics += report.diagnostics
        guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics) }
        return LoadedPolicy(
            principals: principals, devices: devices, rules: rules,
            profiles: profiles.elements.compactMap(\.element),
            revisionInput: revisionInput(policy, sources))
    }

    private static let suffix = ".yaml"

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
