/// A failure of the kernel or of a device driver, as the gateway passed it on.
///
/// The numbers are those of Linux's generic table (`include/uapi/asm-generic/errno*.h`), whatever system this
/// client runs on; so the local strerror(3) is never asked.
public struct Errno: Equatable, Sendable {
    /// Above 0.
    public let number: Int32
    /// The operation had begun when it was given up: its effect on the device is unknown.
    public let isIndeterminate: Bool

    public init(_ number: Int32, isIndeterminate: Bool = false) {
        self.number = number
        self.isIndeterminate = isIndeterminate
    }

    /// The symbol, such as `EINVAL`, or `errno 4711` for a number outside the table.
    public var name: String {
        let table = number < 35 ? Self.base : Self.extended
        let index = Int(number) - (number < 35 ? 1 : 35)
        guard table.indices.contains(index), table[index] != "-" else { return "errno \(number)" }
        return String(table[index])
    }

    /// ECANCELED: somebody ended it.
    var isCancellation: Bool { number == 125 }

    /// A few words for the errnos that devices really return, else nil.
    public var meaning: String? { Self.meanings[number] }

    private static let base = names(
        """
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK
        EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS
        EMLINK EPIPE EDOM ERANGE
        """)

    private static let extended = names(
        """
        EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
        EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR
        ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ
        EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK
        EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT
        EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS
        EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY
        EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED
        ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
        """)

    private static func names(_ text: String) -> [Substring] {
        text.split { $0 == " " || $0 == "\n" }
    }

    private static let meanings: [Int32: String] = [
        1: "operation not permitted", 2: "no such file or device", 4: "interrupted", 5: "input/output error",
        6: "no such device or address", 11: "try again", 12: "out of memory", 13: "permission denied",
        14: "bad address", 16: "device busy", 19: "no such device", 22: "invalid argument",
        25: "command not supported by this device", 28: "no space left", 29: "not seekable",
        32: "broken pipe",
        38: "not implemented", 61: "no data", 71: "protocol error", 95: "operation not supported",
        110: "timed out", 121: "remote I/O error", 125: "cancelled",
    ]
}
