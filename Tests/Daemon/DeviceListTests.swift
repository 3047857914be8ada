import TestSupport
import Testing

/// What `ringctl devices` says of devices besides their names.
@Suite(.timeLimit(.minutes(5))) struct DeviceListTests {
    @Test func changesFollowTheListAndAnOperatorsWordIsTold() throws {
        let site = try TranscriptSite()
        _ = try site.shell("export RINGGATE_HOST=127.0.0.1:7450 RINGGATE_CA=ca.crt")
        _ = try site.shell("export RINGGATE_CERT=agent.crt RINGGATE_KEY=agent.key")
        let run = try site.shell(
            """
            ringctl devices -l site=lab --state --watch > seen & watching=$!
            await() {
                for _ in {1..1200}; do
                    if grep -q "$1" seen; then return; fi
                    kill -0 $watching || break
                    sleep 0.05
                done
                echo "no $1 within a minute"; cat seen; kill $watching; exit 9
            }
            await 'for all'
            export RINGGATE_CERT=admin.crt RINGGATE_KEY=admin.key
            ringctl device disable random --reason 'not of this lab'
            ringctl device disable board --reason 'being repaired'
            await disabled
            kill $watching; wait $watching
            cat seen
            RINGGATE_CERT=agent.crt RINGGATE_KEY=agent.key ringctl devices --state
            """)
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(lines.contains("board\ttty\tfor all\tsite=lab"), "\(run.output)")
        #expect(lines.contains { $0.hasPrefix("board\tdisabled") }, "\(run.output)")
        #expect(
            !lines.contains { $0.hasPrefix("random\tdisabled\t") || $0 == "random\tdisabled" },
            "\(run.output)")
        #expect(
            lines.contains("board\ttty\tdisabled: being repaired, for all\tsite=lab"), "\(run.output)")
    }
}
