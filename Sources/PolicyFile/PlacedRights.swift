import RingPolicy

/// Rights on one kind of file, with the places that give them.
struct PlacedRights {
    struct Command {
        let command: FileRights.Command
        let place: Location
    }
    struct Transfer {
        let rights: TransferRights
        let place: Location
    }

    var commands: [Command] = []
    var read: Transfer?
    var write: Transfer?
    /// By the name of the handle's profile.
    var handles: [String: PlacedRights] = [:]

    var fileRights: FileRights {
        FileRights(
            commands: commands.map(\.command), read: read?.rights, write: write?.rights,
            handles: handles.mapValues(\.fileRights))
    }

    /// Whether everything here is allowed there as well, whatever the argument.
    func isCovered(by other: PlacedRights) -> Bool {
        let free = Set(other.commands.filter { $0.command.conditions.isEmpty }.map(\.command.shape.name))
        guard commands.allSatisfy({ free.contains($0.command.shape.name) }) else { return false }
        guard Self.isCovered(read?.rights, by: other.read?.rights),
            Self.isCovered(write?.rights, by: other.write?.rights)
        else { return false }
        return handles.allSatisfy { name, rights in other.handles[name].map(rights.isCovered) ?? false }
    }

    private static func isCovered(_ rights: TransferRights?, by other: TransferRights?) -> Bool {
        guard let rights else { return true }
        guard let other, rights.maxLength <= other.maxLength else { return false }
        guard let outer = other.window else { return true }
        return rights.window.map { $0.lowerBound >= outer.lowerBound && $0.upperBound <= outer.upperBound }
            ?? false
    }
}

/// A rule with the places of what it says, free of errors of its own.
struct PlacedRule {
    let id: String
    let place: Location
    /// Names of principals.
    let principals: [String]
    let devices: [Device]
    /// By the profile's name: devices of one profile get the same.
    let rights: [String: PlacedRights]
    /// Procedures with the device that each is a command of.
    let procedures: [(device: String, command: FileRights.Command)]
    let limits: UseLimits

    var rule: Rule {
        let byProfile = rights.mapValues(\.fileRights)
        var rights: [String: FileRights] = [:]
        for device in devices { rights[device.name] = byProfile[device.profile.name] ?? FileRights() }
        for (device, command) in procedures {
            let own = rights[device] ?? FileRights()
            rights[device] = FileRights(
                commands: own.commands + [command], read: own.read, write: own.write, handles: own.handles)
        }
        return Rule(id: id, principals: Set(principals), rights: rights, limits: limits)
    }
}
