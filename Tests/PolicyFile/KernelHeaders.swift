import Foundation

/// The installed kernel headers, asked through the C compiler.
enum KernelHeaders {
    static let compiler = "/usr/bin/cc"
    static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: compiler) }

    /// What the compiler says about a set of facts.
    struct Answer {
        /// Values of facts, by their labels.
        var values: [String: Int64] = [:]
        /// Symbols and headers that are not there.
        var missing: Set<String> = []
    }

    /// Values and missing symbols of `groups`, all from one program.
    static func ask(
        _ groups: [KernelFacts], headers: [String], including: Bool = true
    ) throws -> Answer {
        let directory = FileManager.default.temporaryDirectory.appending(path: "headers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let source = directory.appending(path: "facts.c")
        let program = directory.appending(path: "facts").path
        try Data(code(groups, headers, including: including).utf8).write(to: source)
        _ = try run(compiler, ["-w", "-o", program, source.path])
        var answer = Answer()
        for line in try run(program, []).split(separator: "\n") {
            let parts = line.split(separator: "\t").map(String.init)
            guard parts.count == 2 else { continue }
            if let value = Int64(parts[1]) {
                answer.values[parts[0]] = value
            } else {
                answer.missing.insert(parts[0])
            }
        }
        return answer
    }

    /// Those of `headers` that are not installed. None is included: some of them exclude each other.
    static func absent(of headers: [String]) throws -> [String] {
        let answer = try ask([], headers: headers, including: false)
        return headers.filter(answer.missing.contains)
    }

    private static func code(_ groups: [KernelFacts], _ headers: [String], including: Bool) -> String {
        let includes = (including ? headers : []).map { header in
            "#if __has_include(<\(header)>)\n#include <\(header)>\n#endif\n"
        }
        let checks = headers.map { header in
            "#if !__has_include(<\(header)>)\nprintf(\"\(header)\\tmissing\\n\");\n#endif\n"
        }
        return """
            #include <stddef.h>
            #include <stdio.h>
            #include <linux/ioctl.h>
            #include <linux/types.h>
            #include <linux/version.h>
            \(includes.joined())
            #define SAY(label, value) printf("%s\\t%lld\\n", label, (long long)(value))
            int main(void) {
            \(checks.joined())
            \(groups.map(\.code).joined())
            return 0;
            }
            """
    }

    private static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        struct Failure: Error { let program: String, status: Int32 }
        guard process.terminationStatus == 0 else {
            throw Failure(program: program, status: process.terminationStatus)
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// What a profile claims about one symbol of the headers, with the C expressions that tell whether it is so.
struct KernelFacts {
    struct Claim {
        let label: String
        let value: Int64
        let expression: String
    }

    /// Claims about an object of one C type, called `block` in their expressions.
    struct Scope {
        let type: String
        var claims: [Claim]
    }

    let symbol: String
    /// When the headers have the symbol, as the preprocessor sees it.
    let condition: String
    var claims: [Claim] = []
    var scopes: [Scope] = []
    /// Claims that can be checked without the symbol.
    var substitutes: [Claim] = []

    var all: [Claim] { claims + scopes.flatMap(\.claims) }

    /// Statements that print every value, or that the symbol is missing.
    var code: String {
        let scopes = scopes.map { scope in
            "{ static __typeof__(\(scope.type)) block;\n\(Self.statements(scope.claims))}\n"
        }
        return """
            #if \(condition)
            \(Self.statements(claims))\(scopes.joined())
            #else
            printf("\(symbol)\\tmissing\\n");
            \(Self.statements(substitutes))
            #endif

            """
    }

    private static func statements(_ claims: [Claim]) -> String {
        claims.map { "SAY(\"\($0.label)\", \($0.expression));\n" }.joined()
    }
}
