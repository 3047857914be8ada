import RingClient
import RingProtocol
import Testing

struct ErrorTextTests {
    @Test(
        arguments: [
            (1, "EPERM"), (25, "ENOTTY"), (34, "ERANGE"), (35, "EDEADLK"), (40, "ELOOP"), (42, "ENOMSG"),
            (95, "EOPNOTSUPP"), (108, "ESHUTDOWN"), (125, "ECANCELED"), (133, "EHWPOISON"), (41, "errno 41"),
            (134, "errno 134"), (0, "errno 0"),
        ] as [(Int32, String)])
    func `errno names are those of Linux's generic table`(number: Int32, name: String) {
        #expect(Errno(number).name == name)
    }

    @Test func `every error is one line that says what happened`() {
        let errors: KeyValuePairs<RingError, String> = [
            .denied(Refusal(.never, rule: "never/TIOCSTI", "injects input")):
                "denied by rule never/TIOCSTI: injects input",
            .denied(Refusal(.noRule, "nothing allows it")): "denied: nothing allows it",
            .refused(Refusal(.busy, "queue full")): "refused (busy, try again): queue full",
            .errno(Errno(5), operation: "read on board"): "read on board failed: EIO (input/output error)",
            .session(SessionError(.malformed, rule: 12, entry: 3, "short")):
                "the gateway ended the session: malformed frame (R-12, entry 3): short",
            .protocolViolation(WireError(.malformed, rule: 22, "short")):
                "the gateway broke the protocol (R-22): short",
        ]
        for (error, text) in errors { #expect(error.description == text) }
    }
}
