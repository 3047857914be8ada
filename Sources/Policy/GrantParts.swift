import RingProtocol

/// What several rules say about one file, put together for a `Grant`.
struct GrantParts {
    /// One rule's say.
    struct Source {
        let rule: String
        let rights: FileRights
        let limits: UseLimits
    }
    /// One `never` rule's say.
    struct Never {
        let rule: String
        let rights: FileRights
        let forbidsRead: Bool
        let forbidsWrite: Bool
    }

    let device: Device
    var limits = [UseLimits()]
    var limitRules = [""]
    var handles: [Grant.Handle] = []
    var details: [Grant.Details] = []
    var reads: [Grant.Transfer] = []
    var writes: [Grant.Transfer] = []
    let readNever: String?
    let writeNever: String?
    let observation: Observation?

    /// Files that commands give, that commands on those give, and so on.
    static let maximumHandleDepth = 3

    private let sources: [Source]
    private let nevers: [Never]
    private let profiles: [String: Profile]
    private let depth: Int

    init(
        _ device: Device, _ sources: [Source], _ nevers: [Never], _ profiles: [String: Profile],
        _ observation: Observation?, depth: Int = 0
    ) {
        self.device = device
        self.sources = sources
        self.nevers = nevers
        self.profiles = profiles
        self.observation = observation
        self.depth = depth
        readNever = nevers.first(where: \.forbidsRead)?.rule
        writeNever = nevers.first(where: \.forbidsWrite)?.rule
        let indices = sources.map { source in
            if source.limits.isEmpty { return 0 }
            limits.append(source.limits)
            limitRules.append(source.rule)
            return limits.count - 1
        }
        for (source, limit) in zip(sources, indices) {
            if let read = source.rights.read, readNever == nil {
                reads.append(.init(rule: source.rule, rights: read, limit: limit))
            }
            if let write = source.rights.write, writeNever == nil {
                writes.append(.init(rule: source.rule, rights: write, limit: limit))
            }
        }
        collect(indices)
    }

    private mutating func collect(_ limits: [Int]) {
        var found: [Grant.Details] = []
        for shape in device.commands {
            let alternatives = zip(sources, limits).flatMap { source, limit in
                source.rights.commands.filter { $0.shape.name == shape.name }
                    .map {
                        Grant.Alternative(
                            rule: source.rule, conditions: ConditionList($0.conditions), limit: limit,
                            timeout: least(shape.timeout, device.limits.timeout, source.limits.timeout))
                    }
            }
            let forbidden = nevers.flatMap { never in
                never.rights.commands.filter { $0.shape.name == shape.name }
                    .map {
                        Grant.Alternative(
                            rule: never.rule, conditions: ConditionList($0.conditions), limit: 0, timeout: 0)
                    }
            }
            // What is never allowed, whatever its argument, need not be found at all.
            let isObserved = observes(shape)
            guard !forbidden.contains(where: { $0.conditions.isEmpty }), !alternatives.isEmpty || isObserved
            else {
                continue
            }
            found.append(
                Grant.Details(
                    shape: shape, alternatives: alternatives, nevers: forbidden, isObserved: isObserved,
                    handle: addHandle(shape), redactions: Self.redactions(shape), next: -1))
        }
        // Those that share a code are tried one after the other, in the order of the profile.
        details = found.indices.map { index in
            let next = found[(index + 1)...].firstIndex { $0.shape.pattern == found[index].shape.pattern }
            return found[index].followed(by: next ?? -1)
        }
    }

    private func least(_ bounds: UInt32?...) -> UInt32 {
        bounds.compactMap { $0 }.filter { $0 > 0 }.min() ?? 0
    }

    private func observes(_ shape: CommandShape) -> Bool {
        // A procedure's steps may be on other devices, or guarded.
        guard let observation, !shape.isGuarded, shape.transport != .gateway, shape.transport != .procedure
        else { return false }
        return shape.effect == .read || (shape.effect == .write && observation.includesWrites)
    }

    /// Index of the kind of file the command gives, made when it is the first to give it.
    private mutating func addHandle(_ shape: CommandShape) -> Int {
        guard let name = shape.givenProfile else { return -1 }
        if let known = handles.firstIndex(where: { $0.profile == name }) { return known }
        guard depth < Self.maximumHandleDepth, let profile = profiles[name] else { return -1 }
        let parts = GrantParts(
            device.handle(profile),
            sources.compactMap { source in
                source.rights.handles[name].map {
                    Source(rule: source.rule, rights: $0, limits: source.limits)
                }
            },
            nevers.compactMap { never in
                never.rights.handles[name].map {
                    Never(rule: never.rule, rights: $0, forbidsRead: false, forbidsWrite: false)
                }
            }, profiles, observation, depth: depth + 1)
        handles.append(Grant.Handle(profile: name, grant: Grant(parts)))
        return handles.count - 1
    }

    private static func redactions(_ shape: CommandShape) -> [Range<Int>] {
        shape.fields.filter(\.isRedacted).map { $0.offset..<$0.offset + $0.size }
    }
}

extension Grant.Details {
    fileprivate func followed(by next: Int) -> Grant.Details {
        Grant.Details(
            shape: shape, alternatives: alternatives, nevers: nevers, isObserved: isObserved, handle: handle,
            redactions: redactions, next: next)
    }
}
