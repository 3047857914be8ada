import Glibc
import Testing

@testable import RingEngine

/// Whoever cannot start the gateway is told what to do.
@Suite struct ErrorTests {
    @Test func aKernelWithoutRingsIsSaidToBeSo() {
        let error = EngineError.setup(errno: ENOSYS)
        #expect(error == .missing)
        for word in ["ENOSYS", "Linux 6.1", "CONFIG_IO_URING", "seccomp"] {
            #expect(error.description.contains(word))
        }
    }

    @Test(arguments: [1, 2]) func aDisabledRingNamesTheSysctlAndItsRemedy(value: Int) {
        let text = EngineError.disabled(sysctl: value).description
        #expect(text.contains("kernel.io_uring_disabled = \(value)"))
        #expect(
            text.contains("sysctl -w kernel.io_uring_disabled=0") && text.contains("kernel.io_uring_group"))
    }

    @Test(arguments: [EPERM, EACCES]) func aForbiddenRingNamesTheSandboxOrTheSysctl(code: Int32) {
        switch EngineError.setup(errno: code) {
        case .forbidden:
            let text = EngineError.forbidden.description
            for word in [
                "EPERM", "seccomp", "Docker", "io_uring_setup", "io_uring_enter", "io_uring_register",
            ] {
                #expect(text.contains(word))
            }
        case .disabled(let value): #expect(value > 0, "this machine's own sysctl")
        case let other: Issue.record("\(other)")
        }
    }

    @Test func anOldKernelIsToldTheVersionItNeeds() {
        #expect(EngineError.setup(errno: EINVAL) == .tooOld)
        #expect(EngineError.tooOld.description.contains("Linux 6.1 or newer is needed"))
    }

    @Test func aRingThatCannotBeMadeIsAnErrorAndNotACrash() {
        // No kernel makes a ring without entries: EINVAL.
        #expect(throws: EngineError.tooOld) { _ = try Ring(entries: 0, completions: 0) }
    }

    @Test func anotherFailureNamesTheCallAndTheReason() {
        #expect(EngineError.setup(errno: EFAULT) == .failed(call: "io_uring_setup", errno: EFAULT))
        let text = EngineError.failed(call: "eventfd", errno: EFAULT).description
        #expect(text == "eventfd failed: Bad address (errno \(EFAULT))")
    }

    @Test func exhaustedLimitsNameWhatToRaise() {
        let files = EngineError.failed(call: "io_uring_register(FILES2)", errno: EMFILE).description
        #expect(files.contains("ulimit -n") && files.contains("LimitNOFILE"))
        let memory = EngineError.failed(call: "io_uring_setup", errno: ENOMEM).description
        #expect(memory.contains("ulimit -l") && memory.contains("LimitMEMLOCK"))
    }
}
