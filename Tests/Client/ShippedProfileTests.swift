import Foundation
import RingClient
import RingPolicy
import RingPolicyFile
import RingProtocol
import Testing

@Suite("The profiles that are shipped, as clients read them")
struct ShippedProfileTests {
    private static let profiles = Result {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try PolicyLoader.loadProfiles(root.appending(path: "profiles").path)
    }

    /// Without values an argument is all zeros, which the layout has to agree with; what must be there and has no
    /// length of its own is all that may be missing.
    @Test func `every command of every profile can be packed from its description`() throws {
        var packed = 0
        for profile in try Self.profiles.get() {
            for shape in profile.commands {
                let number = shape.pattern.numbers.map { ["number": String($0.lowerBound)] } ?? [:]
                do {
                    _ = try KernelShapes.encode(shape, number)
                    packed += 1
                } catch FieldError.missing {
                } catch {
                    Issue.record("\(profile.name): \(shape.name): \(error)")
                }
            }
        }
        #expect(packed > 200)
    }
}
