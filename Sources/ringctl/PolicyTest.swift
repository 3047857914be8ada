import ArgumentParser
import Foundation
import RingClient
import RingPolicy
import RingPolicyFile
import RingProtocol

struct PolicyTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Tries a site's own cases on a policy file, without a gateway.",
        discussion: "Exit code 1 when an answer is another than expected.")

    @OptionGroup var profiles: ProfileOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "The policy file.") var policy: String
    @Argument(help: "Cases, docs/cli.md.") var cases: String

    private struct Result: Encodable {
        let line: Int
        let ok: Bool
        let `as`: String
        let device: String
        let what: String
        let expected: String
        let verdict: String
        let rule: String
        let text: String
    }
    private struct Report: Encodable {
        let ok: Bool
        let cases: [Result]
    }

    func run() throws {
        let loaded = try PolicyText.reporting { () throws(PolicyErrors) in
            try PolicyLoader.load(policy: policy, profiles: profiles.profiles)
        }
        let items = try PolicyText.reporting { () throws(PolicyErrors) in try PolicyCases.load(self.cases) }
        // The revision plays no part here.
        let snapshot = loaded.snapshot(revision: [UInt8](repeating: 0, count: 32))
        let time = UInt64(max(0, Date().timeIntervalSince1970))
        let results = try items.map { try result(of: $0, in: snapshot, at: time) }
        let failed = results.count { !$0.ok }
        switch output.format {
        case .json: try Output.json(Report(ok: failed == 0, cases: results))
        case .text:
            for result in results { print(line(result)) }
            print("\(results.count - failed) of \(results.count) as expected")
        }
        if failed > 0 { throw ExitCode(ExitStatus.device.rawValue) }
    }

    private func line(_ result: Result) -> String {
        let place = "\(cases):\(result.line): \(result.device) \(result.what)"
        let rule = result.rule.isEmpty ? "" : " by \(result.rule)"
        guard result.ok else {
            return "FAIL \(place): expected \(result.expected), is \(result.verdict)\(rule): \(result.text)"
                .printable
        }
        return "ok   \(place): \(result.verdict)\(rule)".printable
    }

    private func result(
        of item: PolicyCase, in policy: PolicySnapshot, at time: UInt64
    ) throws -> Result {
        let explanation = try explanation(of: item, in: policy, at: time)
        let isRight = item.rule.map { $0 == explanation.rule } ?? true
        let expected = item.expectation.rawValue + (item.rule.map { " by \($0)" } ?? "")
        return Result(
            line: item.line, ok: explanation.verdict.rawValue == item.expectation.rawValue && isRight,
            as: item.identity, device: item.device, what: item.request.words, expected: expected,
            verdict: explanation.verdict.rawValue, rule: explanation.rule, text: explanation.text)
    }

    private func explanation(
        of item: PolicyCase, in policy: PolicySnapshot, at time: UInt64
    ) throws -> (verdict: Explanation.Verdict, rule: String, text: String) {
        let peer: PrincipalSet
        do throws(IdentityError) {
            peer = try policy.recognize(
                PeerIdentity(uris: [item.identity], keyHash: [], commonName: nil, issuer: ""))
        } catch {
            return (.denied, "", error.text)
        }
        let question = try Question(item, policy, cases)
        let explanation = question.argument.withUnsafeBytes { bytes in
            policy.explain(
                Entry(
                    question.operation, requestID: RequestID(1), subOpcode: question.code,
                    offset: question.offset, argument: WireBytes(bytes)),
                on: item.device, for: peer, at: time)
        }
        return (explanation.verdict, explanation.rule, explanation.text)
    }
}

/// A case as the entry that would ask for it.
private struct Question {
    let operation: RingProtocol.Operation
    var code = SubOpcode(0)
    var offset: UInt64 = 0
    var argument: [UInt8] = []

    init(_ item: PolicyCase, _ policy: PolicySnapshot, _ file: String) throws {
        switch item.request {
        case .open: operation = .open
        case .read(let count, let offset):
            operation = .read
            argument = ReadArgument.encode(count: count)
            self.offset = offset ?? Entry.currentPosition
        case .write(let count, let offset):
            operation = .write
            argument = [UInt8](repeating: 0, count: count)
            self.offset = offset ?? Entry.currentPosition
        case .command(let name, let values, let digits):
            operation = .command
            guard let description = policy.command(named: name, on: item.device)?.description else {
                throw UsageFailure(
                    description:
                        "\(file):\(item.line): the profile of `\(item.device)` has no command `\(name)`, or "
                        + "there is no such device")
            }
            if let digits {
                guard let bytes = Hex.bytes(digits) else {
                    throw UsageFailure(description: "\(file):\(item.line): `argument` is not hexadecimal")
                }
                (code, argument) = (SubOpcode(description.code), bytes)
                return
            }
            do throws(FieldError) {
                let encoded = try ArgumentCodec(description).encode(values)
                (code, argument) = (encoded.code, encoded.argument)
            } catch {
                throw UsageFailure(description: "\(file):\(item.line): \(error)")
            }
        }
    }
}

extension PolicyCase.Request {
    fileprivate var words: String {
        switch self {
        case .open: "open"
        case .read(let count, _): "read \(count)"
        case .write(let count, _): "write \(count)"
        case .command(let name, let values, let argument):
            ([name] + values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                + (argument.map { ["argument \($0)"] } ?? [])).joined(separator: " ")
        }
    }
}
