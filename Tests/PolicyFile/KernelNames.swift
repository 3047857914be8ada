/// How the names of a profile are found in C headers. What is not listed has the same name there.
struct KernelNames: Sendable {
    /// Of the compiler's search path; all must be there, or the profile is not compared.
    var headers: [String]
    /// Headers that came later; whatever is only in them is listed under `substitutes` or `newer`.
    var newHeaders: [String] = []
    /// C types of commands' arguments, by command or symbol; of scalars and arrays too.
    var types: [String: String] = [:]
    /// C types of what pointers refer to, by the block's path; `-` where no header describes it.
    var blocks: [String: String] = [:]
    /// Members by C type and field, or COMMAND.FIELD: `a.b`, `[0]`, or `a + b` for a field that covers both.
    var members: [String: [String: String]] = [:]
    /// Symbols whose commands have what they are used for behind the symbol's name.
    var symbols: [String] = []
    /// Expressions for families' codes; SIZE and NUMBER stand for what varies. Otherwise `NAME(SIZE)`.
    var families: [String: String] = [:]
    /// Expressions for codes of symbols that headers may be too old for.
    var substitutes: [String: String] = [:]
    /// Starts of symbols that headers may be too old for, and when they are not, as the preprocessor sees it.
    var newer: [String: String] = [:]
    /// Starts of names that are enumerators, which the preprocessor does not see.
    var enumerators: [String] = []
    /// Names of values that are in a specification and in no header.
    var specified: Set<String> = []
    /// Whether all names of values are such.
    var isSpecified = false

    /// The symbol a command is named after.
    func symbol(of command: String) -> String {
        symbols.filter { command.hasPrefix("\($0)_") }.max { $0.count < $1.count } ?? command
    }

    /// When the headers have a symbol.
    func condition(of symbol: String) -> String {
        newer.first { symbol.hasPrefix($0.key) }?.value ?? (isEnumerator(symbol) ? "1" : "defined(\(symbol))")
    }

    func isEnumerator(_ name: String) -> Bool { enumerators.contains { name.hasPrefix($0) } }

    /// Whether headers may lack a symbol.
    func isNewer(_ symbol: String) -> Bool {
        substitutes[symbol] != nil || newer.contains { symbol.hasPrefix($0.key) }
    }
}

extension KernelNames {
    /// By profile; `null` has no symbol of the kernel.
    static let tables: [String: KernelNames] =
        terminals.merging(buses) { first, _ in first }
        .merging(storage) { first, _ in first }
        .merging(others) { first, _ in first }

    /// Each of the fields under `prefix`.
    static func each(_ fields: String, _ prefix: String) -> [String: String] {
        Dictionary(uniqueKeysWithValues: fields.split(separator: " ").map { ("\($0)", "\(prefix)\($0)") })
    }

    /// One type for each of the commands.
    static func each(_ commands: String, are type: String) -> [String: String] {
        Dictionary(uniqueKeysWithValues: commands.split(separator: " ").map { ("\($0)", type) })
    }
}

extension [String: String] {
    static func + (first: Self, second: Self) -> Self { first.merging(second) { first, _ in first } }
}
