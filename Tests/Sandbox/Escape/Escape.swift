import Foundation
import RingOpener
import RingPolicy
import RingSandbox

/// Code that has taken over a process and wants out: each attempt is made, with the sandbox of the gateway, with that of a
/// device's own process, or without one, and its result printed as `NAME: ERRNO`, 0 for one that came through.
///
/// usage: escape gateway|device|out FOLDER OUTSIDE PORT SOCKET
///
/// FOLDER is what the sandbox leaves; OUTSIDE is a folder with a file `secret`, PORT a port of 127.0.0.1 and SOCKET the
/// name of an abstract socket where somebody listens. Every attempt is harmless when it succeeds.
@main
enum Escape {
    static func main() {
        let words = CommandLine.arguments
        guard words.count == 6, let port = UInt16(words[4]) else { exit(64) }
        var opening = Reach()
        opening.devices = ["/dev"]
        let null = Device(
            name: "null", path: "/dev/null", kind: .character, access: .readWrite, profile: Attempts.none)
        let opener: Opener
        let devices = ["null": null, "apart": Attempts.apart]
        do throws(SandboxError) { opener = try Opener.start(in: opening) { devices[$0] } } catch {
            print("opener: \(error)")
            exit(1)
        }
        let attempts = Attempts(
            inside: words[2], outside: words[3], port: port, socket: words[5], opener: opener)
        if words[1] != "out" {
            var reach = Reach()
            reach.writable = [words[2]]
            if words[1] == "gateway" { reach.listening = [0] }
            if words[1] == "device" {
                reach.devices = ["/dev"]
                // The most that a profile's commands need.
                reach.capabilities = Set(["CAP_SYS_ADMIN"].compactMap(Capability.init))
            }
            // TIOCGWINSZ
            reach.ioctls = [CodeMask(value: 0x5413)]
            do throws(SandboxError) { print("sandbox: \(try Sandbox.enter(reach))") } catch {
                print("sandbox: \(error)")
                exit(1)
            }
        }
        for (name, attempt) in attempts.all { print("\(name): \(attempt())") }
        for (name, use) in attempts.uses { print("use \(name): \(use())") }
        for (name, attempt) in attempts.last { print("\(name): \(attempt())") }
    }
}
