import PolicyReference
import Testing

@Suite("The policy and a naive evaluator")
struct DifferentialTests {
    /// A million cases are run by the optimized `policy-proof`; these find a new mistake early.
    @Test("They agree on random shapes, conditions and arguments", arguments: [1, 2, 3, 4] as [UInt64])
    func agree(_ seed: UInt64) {
        var differential = Differential()
        differential.run(5_000, seed: seed)
        #expect(differential.mismatches == [])
        #expect(differential.allowed > 500, "too few cases pass to say much")
        #expect(differential.plain > 20, "too few cases go the short way to say much")
        #expect(differential.cases - differential.allowed > 500)
    }
}
