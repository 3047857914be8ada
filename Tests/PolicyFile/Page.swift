import Foundation

/// A page of the documentation.
struct Page {
    let text: String

    init(_ name: String) throws {
        text = try String(contentsOf: repository.appending(path: "docs/\(name)"), encoding: .utf8)
    }

    /// The fenced blocks whose opening fence is followed by `kind`, in order.
    func blocks(_ kind: String) -> [String] {
        var blocks: [String] = []
        var open: (kind: String, text: String)?
        for line in text.components(separatedBy: "\n") {
            if let block = open {
                if line == "```", block.kind == kind { blocks.append(block.text) }
                open = line == "```" ? nil : (block.kind, block.text + line + "\n")
            } else if line.hasPrefix("```") {
                open = (String(line.dropFirst(3)), "")
            }
        }
        return blocks
    }
}
