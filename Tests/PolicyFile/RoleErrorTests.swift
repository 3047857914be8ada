import Testing

@Suite("Roles")
struct RoleErrorTests {
    @Test(
        "A role names members or roles it inherits, each once",
        arguments: [
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {}",
                "9:11: role `reader` is empty; fill it in or remove it"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: ci",
                "9:11: role `reader` is a mapping, not `ci`; write `key: value` pairs"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {members: []}",
                "9:21: principals is an empty list; fill it in or remove it"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {members: [ci, ci]}",
                "9:26: principal `ci` is named twice in one role; remove one of the two"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {members: [bov]}",
                "9:22: there is no principal `bov`; did you mean `bob`?"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {members: [ci], inherit: [admin]}",
                "9:27: role `reader` has no key `inherit`; did you mean `inherits`?"),
            BadLanguage(
                "inherits: [reader]",
                "inherits: [raeder]",
                "8:41: there is no role `raeder`; did you mean `reader`?"),
            BadLanguage(
                "  reader: {m",
                "  Reader: {m",
                "8:41: there is no role `reader`; known: admin, operator",
                "9:3: `Reader` is no role; use 1 to 64 of a-z 0-9 . _ - and start with a "
                    + "letter or digit",
                "25:13: there is no role `reader`; known: admin, operator"),
        ])
    func roles(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "Roles that inherit in a circle are named, each circle once",
        arguments: [
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {members: [ci], inherits: [admin]}",
                "7:3: roles inherit in a circle: admin from operator from reader from admin; "
                    + "remove one `inherits` of these"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {inherits: [reader]}",
                "9:3: roles inherit in a circle: reader from reader; remove one `inherits` of "
                    + "these"),
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {inherits: [reader, admin]}",
                "9:3: roles inherit in a circle: reader from reader; remove one `inherits` of "
                    + "these"),
        ])
    func circles(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A rule names somebody",
        arguments: [
            BadLanguage(
                "reader: {members: [ci]}",
                "reader: {inherits: [empty]}\n  empty: {inherits: [none]}\n  none: {inherits: [nil]}",
                "11:21: there is no role `nil`; known: admin, empty, none, operator, reader"),
            BadLanguage(
                "roles: [operator]",
                "roles: [operators]",
                "30:13: there is no role `operators`; did you mean `operator`?"),
            BadLanguage(
                "roles: [operator]\n",
                "labels: {board: imx8}\n",
                "29:5: a rule has no `principals`; add `principals: [...]` or `roles: [...]`"),
            BadLanguage(
                "roles: [operator]",
                "roles: [operator, operator]",
                "30:23: role `operator` is named twice in one rule; remove one of the two"),
            BadLanguage(
                "roles: [operator]",
                "roles: operator",
                "30:12: roles is a list, not `operator`; write [...] or lines that start with "
                    + "`- `"),
        ])
    func rules(_ site: BadLanguage) throws { try site.check() }
}
