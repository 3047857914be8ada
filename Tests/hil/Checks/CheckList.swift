import Foundation

/// The checks of one kernel: which must pass, and which it cannot do.
///
/// A line is the name of a check, or `lacks NAME CONFIG_SYMBOL` where the kernel was built without what the check needs, or
/// `leaves-out NAME WHY`. Every check there is has a line.
struct CheckList {
    struct LeftOut {
        let name: String
        let why: String
    }

    let checks: [Check]
    let leftOut: [LeftOut]

    init(path: String, kernel: String) throws {
        let configuration = try String(contentsOfFile: kernel, encoding: .utf8)
        var known: [String: Check] = [:]
        let all = diskChecks + busChecks + lineChecks + mediaChecks + toolChecks
        for check in all { known[check.name] = check }
        var checks: [Check] = []
        var leftOut: [LeftOut] = []
        for line in try String(contentsOfFile: path, encoding: .utf8).split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ", maxSplits: 2).map(String.init)
            if words[0].hasPrefix("#") { continue }
            let name = words.count == 3 ? words[1] : words[0]
            guard let check = known.removeValue(forKey: name) else {
                throw LabFailure("\(path): there is no check \(name), or it is listed twice")
            }
            switch (words[0], words.count) {
            case ("lacks", 3):
                guard !configuration.contains("\n\(words[2])=") else {
                    throw LabFailure("\(path): this kernel has \(words[2]), so \(name) must pass")
                }
                leftOut.append(LeftOut(name: name, why: "this kernel has no \(words[2])"))
            case ("leaves-out", 3): leftOut.append(LeftOut(name: name, why: words[2]))
            case (_, 1): checks.append(check)
            default: throw LabFailure("\(path): what is `\(line)`?")
            }
        }
        guard known.isEmpty else {
            throw LabFailure("\(path) does not list \(known.keys.sorted().joined(separator: ", "))")
        }
        self.checks = all.filter { check in checks.contains { $0.name == check.name } }
        self.leftOut = leftOut
    }
}
