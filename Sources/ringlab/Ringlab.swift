import ArgumentParser
import Foundation
import RingLab

@main
struct Ringlab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringlab",
        abstract: "Makes a serial board and a block device to try Ringgate on, and keeps them until stopped.",
        discussion: """
            DIR/lab.json says where they are. SIGTERM, SIGINT, SIGHUP or the end of the parent process stops it; \
            then devices and files are gone.
            """)

    private static let loopMebibytes = 8

    @Option(help: "Where lab.json goes and the block device's bytes live; made when missing.")
    var directory: String

    @Option(help: "A file to create once the lab is up.")
    var readyFile: String?

    func run() throws {
        // Before any thread starts, so that all of them leave these signals to the wait below.
        let stop = StopSignals()
        let folder = URL(filePath: directory, directoryHint: .isDirectory)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])

        let board = try Board()
        do {
            let loop = try LoopDevice(mebibytes: Self.loopMebibytes, directory: folder.path)
            try serve(LabDescription(board: board.path, loop: loop.path), in: folder, until: stop)
        } catch LabError.unavailable(let reason) {
            try serve(LabDescription(board: board.path, loopSkipped: reason), in: folder, until: stop)
        }
    }

    private func serve(_ lab: LabDescription, in folder: URL, until stop: StopSignals) throws {
        let file = folder.appending(path: "lab.json")
        try lab.json().write(to: file, options: .atomic)
        defer { try? FileManager.default.removeItem(at: file) }
        let ready = readyFile.map { URL(filePath: $0) }
        try ready.map { try Data().write(to: $0) }
        defer { ready.map { try? FileManager.default.removeItem(at: $0) } }
        FileHandle.standardOutput.write(Data("ringlab: \(lab)\n".utf8))
        stop.wait()
    }
}
