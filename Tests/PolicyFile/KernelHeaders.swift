import Foundation
import RingPolicy

/// What the installed kernel headers say about the commands of a profile, asked of the C compiler.
struct KernelHeaders {
    /// The C type of a command's block; empty when it has none. Fields of a `struct` have the kernel's names.
    static let types: [String: String] = [
        "RNDGETENTCNT": "int",
        "TIOCGWINSZ": "struct winsize", "TIOCSWINSZ": "struct winsize",
        "TCGETS2": "struct termios2", "TCSETSW2": "struct termios2",
        "TIOCMGET": "int", "TIOCINQ": "int", "TIOCOUTQ": "int",
        "TCFLSH": "unsigned long", "TCSBRK": "unsigned long",
        "LOOP_GET_STATUS64": "struct loop_info64",
        "BLKGETSIZE64": "__u64", "BLKSSZGET": "int", "BLKPBSZGET": "unsigned int", "BLKROGET": "int",
        "BLKFLSBUF": "", "BLOCK_URING_CMD_DISCARD": "struct { __u64 start; __u64 length; }",
    ]

    /// Codes of symbols that headers may be too old for.
    static let substitutes = ["BLOCK_URING_CMD_DISCARD": "_IO(0x12, 0)"]

    static let compiler = "/usr/bin/cc"
    static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: compiler) }

    /// One line a fact: `NAME code N`, `NAME size N`, `NAME.FIELD at size isSigned`, or `NAME missing`.
    static func facts(of profile: Profile) throws -> Set<String> {
        let directory = FileManager.default.temporaryDirectory.appending(path: "headers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let source = directory.appending(path: "facts.c")
        let program = directory.appending(path: "facts").path
        try Data(code(for: profile).utf8).write(to: source)
        _ = try run(compiler, ["-o", program, source.path])
        return Set(try run(program, []).split(separator: "\n").map(String.init))
    }

    /// What the profile claims, in the same form.
    static func claims(of profile: Profile) -> Set<String> {
        var claims: Set<String> = []
        for command in profile.commands {
            claims.insert("\(command.name) code \(command.code.code)")
            guard command.size > 0 else { continue }
            claims.insert("\(command.name) size \(command.size)")
            for field in command.fields {
                let isSigned = field.type.range.map { $0.lowerBound < 0 ? "1" : "0" } ?? "-"
                claims.insert("\(command.name).\(field.name) \(field.offset) \(field.size) \(isSigned)")
            }
        }
        return claims
    }

    private static func code(for profile: Profile) -> String {
        let headers = ["asm/ioctls.h", "asm/termbits.h", "asm/termios.h", "linux/random.h", "linux/loop.h"]
        let lines = (headers + ["linux/fs.h", "linux/blkdev.h"]).map { header in
            "#if __has_include(<\(header)>)\n#include <\(header)>\n#endif\n"
        }
        let body = profile.commands.map(code(for:)).joined()
        return """
            #include <stddef.h>
            #include <stdio.h>
            #include <linux/types.h>
            \(lines.joined())
            int main(void) {
            \(body)
            return 0;
            }
            """
    }

    private static func code(for command: CommandShape) -> String {
        let name = command.name
        let known = "printf(\"\(name) code %u\\n\", (unsigned)\(name));\n" + block(of: command)
        let missing = "printf(\"\(name) missing\\n\");\n"
        guard let substitute = substitutes[name] else {
            return "#ifdef \(name)\n\(known)#else\n\(missing)#endif\n"
        }
        return "#ifndef \(name)\n\(missing)#define \(name) \(substitute)\n#endif\n\(known)"
    }

    private static func block(of command: CommandShape) -> String {
        let name = command.name
        guard let type = types[name], !type.isEmpty else { return "" }
        var text = "{ typedef \(type) block; printf(\"\(name) size %zu\\n\", sizeof(block));\n"
        for field in command.fields {
            let isStruct = type.hasPrefix("struct")
            let member = isStruct ? "((block *)0)->\(field.name)" : "*(block *)0"
            let offset = isStruct ? "offsetof(block, \(field.name))" : "(size_t)0"
            let sign = field.type.range == nil ? "\"-\"" : "(__typeof__(\(member)))-1 < 0 ? \"1\" : \"0\""
            text +=
                "printf(\"\(name).\(field.name) %zu %zu %s\\n\", \(offset), sizeof(\(member)), \(sign));\n"
        }
        return text + "}\n"
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
