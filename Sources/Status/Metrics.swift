import RingGateway

/// The text format that Prometheus scrapes, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
struct Metrics {
    private(set) var text = ""

    init(_ report: StatusReport) {
        gauge("build_info", "The gateway's version.", [(["version": report.version], 1)])
        gauge("policy_info", "The policy in force.", [(["revision": report.status.revision], 1)])
        gauge("serving", "1 while new work is taken.", report.status.isServing ? 1 : 0)
        gauge("connections", "Connections now.", Double(report.connections))
        gauge(
            "sessions", "Sessions now, lost ones that may come back included.",
            Double(report.status.sessions.count))
        gauge("open_files", "Device files that are open.", Double(report.openFiles))
        for counter in report.counters {
            self.counter(counter.name, counter.help, [([:], Double(counter.value))])
        }
        add(report.status.devices.map { ($0.name, $0) })
        gauge(
            "certificate_not_after_timestamp_seconds", "When a certificate, or a revocation list, ends.",
            report.certificates.map { (["file": $0.file], Double($0.end)) })
        if let head = report.auditHead {
            counter("audit_records", "Records of the audit log that are on the disk.", [([:], Double(head))])
            gauge("audit_failing", "1 while the audit log cannot be written.", report.isAuditFailing ? 1 : 0)
        }
        family(
            "process_cpu_seconds_total", "counter", "Processor time.", [([:], report.process.processorTime)])
        if let memory = report.process.residentMemory {
            family("process_resident_memory_bytes", "gauge", "Memory in use.", [([:], Double(memory))])
        }
    }

    private mutating func add(_ devices: [(name: String, report: DeviceReport)]) {
        func samples(_ value: (DeviceReport) -> Double) -> [Sample] {
            devices.map { (["device": $0.name], value($0.report)) }
        }
        counter("device_operations", "Operations begun on a device.", samples { Double($0.started) })
        counter(
            "device_denied_entries", "Entries on a device that were denied.", samples { Double($0.denied) })
        gauge("device_sessions", "Sessions that have a device open.", samples { Double($0.sessions.count) })
        gauge(
            "device_holders", "Sessions that hold a lease on a device.",
            samples { Double($0.holders?.count ?? 0) })
        gauge(
            "device_enabled", "1 unless an operator took it out of use.",
            samples { $0.state == "enabled" ? 1 : 0 })
        gauge(
            "device_queue", "Operations waiting or running at its worker.",
            samples { Double($0.lane?.operations ?? 0) })
        gauge(
            "device_stuck", "1 while a call does not come back.", samples { $0.lane?.isStuck == true ? 1 : 0 }
        )
    }

    private typealias Sample = (labels: [String: String], value: Double)

    private mutating func gauge(_ name: String, _ help: String, _ value: Double) {
        gauge(name, help, [([:], value)])
    }
    private mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) {
        family("ringgate_\(name)", "gauge", help, samples)
    }
    private mutating func counter(_ name: String, _ help: String, _ samples: [Sample]) {
        family("ringgate_\(name)_total", "counter", help, samples)
    }

    private mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for (labels, value) in samples {
            let pairs = labels.sorted { $0.key < $1.key }.map { "\($0)=\"\($1.escaped(Self.escapes))\"" }
            text +=
                "\(name)\(pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") \(Self.number(value))\n"
        }
    }

    /// Names come from policies, and paths from settings.
    private static let escapes: [Unicode.Scalar: String] = ["\\": "\\\\", "\"": "\\\"", "\n": "\\n"]

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }
}

extension String {
    /// With other words for some characters.
    func escaped(_ words: [Unicode.Scalar: String]) -> String {
        unicodeScalars.reduce(into: "") { result, scalar in
            if let word = words[scalar] { result += word } else { result.unicodeScalars.append(scalar) }
        }
    }
}
