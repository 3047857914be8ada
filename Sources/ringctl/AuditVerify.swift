import ArgumentParser
import Foundation
import RingAudit

struct AuditVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Whether the log is whole, and how much of that is proven.",
        discussion: """
            Proven is what a checkpoint vouches for whose signature is good, or a record that is known from elsewhere \
            (`audit head`). Keep the gateway's key.pub.pem and a head now and then where whoever may write the log \
            cannot. Exit code 1 when the log was changed.
            """)

    @OptionGroup var log: AuditDirectoryArgument
    @OptionGroup var output: OutputOptions
    @Option(help: "The gateway's public key (PEM), kept elsewhere; the one in the directory unless given.")
    var key: String?
    @Option(help: "A record that is known, NUMBER:HASH as `audit head` printed it; may be given again.")
    var checkpoint: [String] = []

    private struct Report: Encodable {
        let first: UInt64
        let last: UInt64
        let hash: String
        let proven: UInt64
        let unproven: UInt64
        let checkpoints: Int
        let key: String
        let unfinished: Int
    }

    func validate() throws {
        for text in checkpoint where AuditVerifier.Known(text) == nil {
            throw ValidationError("--checkpoint \(text): write NUMBER:HASH as `audit head` prints it")
        }
    }

    func run() throws {
        let files = try log.files()
        let key = try AuditKey.load(key ?? "\(log.directory)/\(AuditKey.publicName)")
        var verifier = AuditVerifier(key: key, known: checkpoint.compactMap { AuditVerifier.Known($0) })
        do {
            for (index, file) in files.enumerated() {
                try verifier.add(AuditFiles.read(file), file: file, isLast: index == files.count - 1)
            }
            try verifier.finish()
        } catch let flaw as AuditVerifier.Flaw {
            Output.complain("the log was changed: \(flaw)")
            if let first = verifier.first {
                Output.complain("records \(first) to \(verifier.last.sequence) before that are whole")
            }
            throw ExitCode(ExitStatus.device.rawValue)
        }
        guard let first = verifier.first else {
            throw UsageFailure(description: "\(log.directory): there is no record yet")
        }
        try tell(verifier, first, key)
    }

    private func tell(_ verifier: AuditVerifier, _ first: UInt64, _ key: AuditKey) throws {
        let last = verifier.last.sequence
        let unproven = last - min(last, max(verifier.proven, first - 1))
        if output.format == .json {
            return try Output.json(
                Report(
                    first: first, last: last, hash: Hexadecimal.text(verifier.last.head),
                    proven: verifier.proven,
                    unproven: unproven, checkpoints: verifier.checkpoints, key: key.fingerprint,
                    unfinished: verifier.unfinished))
        }
        var lines = [
            "ok: records \(first) to \(last) follow each other; \(verifier.checkpoints) checkpoints are good"
        ]
        lines.append(
            unproven == 0
                ? "proven: all of them"
                : "proven: up to record \(verifier.proven); the last \(unproven) could have been changed or cut off "
                    + "unnoticed")
        if first > 1 { lines.append("note: what is before record \(first) is not here") }
        if !verifier.missing.isEmpty { lines.append("note: known records before that: \(verifier.missing)") }
        if verifier.unfinished > 0 {
            lines.append(
                "note: \(verifier.unfinished) bytes of a record that is being written, or was when the gateway fell"
            )
        }
        if self.key == nil {
            lines.append(
                "note: the key is the one in the directory itself; give a copy kept elsewhere with --key")
        }
        try Output.bytes(Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}
