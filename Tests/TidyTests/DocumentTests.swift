// What a reader looks up is there: every setting, error code, metric and metric label that the code can produce
// stands in the page that documents it.

import Collector
import Edge
import Foundation
import HTTP
import Snapshots
import Testing

struct DocumentTests {
  private func page(_ name: String) throws -> String {
    try String(contentsOfFile: root + "/" + name, encoding: .utf8)
  }

  @Test func `every setting and its variable stand in configs/README.md`() throws {
    let text = try page("configs/README.md")
    for (name, variable) in Configuration.settingNames {
      #expect(text.contains("`\(name)`"), "\(name) is missing")
      let shown = variable.dropFirst("TURNOUT_EDGE_".count)
      #expect(text.contains("`\(shown)`"), "\(variable) is missing")
    }
  }

  @Test func `configs/README.md marks the settings that a reload takes up, and no others`() throws {
    let rows = try page("configs/README.md").matches(of: /(?m)^\| `([A-Za-z.]+)` \|.*$/)
    let marked = rows.filter { $0.0.contains("(reloaded") }.map { String($0.1) }
    #expect(Set(marked) == Configuration.reloaded)
  }

  @Test func `every setting of the collector and its variable stand in configs/README.md`() throws {
    let text = try page("configs/README.md")
    for (name, variable) in CollectorConfiguration.settingNames {
      let shown = variable.dropFirst("TURNOUT_COLLECTOR_".count)
      #expect(text.contains("| `\(name)` | `\(shown)` |"), "\(name), \(variable) are missing")
    }
  }

  @Test(arguments: [
    ("Sources/Edge/Admin/MetricsPage.swift", "docs/decide-api.md"),
    ("Sources/Collector/Pages/MetricsPage.swift", "docs/collector.md"),
  ])
  func `every metric has a row in its page`(source: String, name: String) throws {
    let code = try page(source) + page("Sources/Operations/MetricsText.swift")
    let text = try page(name)
    let metrics = Set(code.matches(of: /"((?:turnout|process)_[a-z0-9_]+)"/).map(\.1))
    #expect(metrics.count > 30)
    for metric in metrics { #expect(text.contains("| `\(metric)` |"), "\(metric) is missing") }
  }

  @Test(arguments: Rejection.allCases)
  func `every rejection's code stands in docs/decide-api.md`(rejection: Rejection) throws {
    #expect(try page("docs/decide-api.md").contains("\(rejection.code)"))
  }

  @Test
  func `docs/openapi.yaml has the version of the programs, and every code that the data port refuses with`()
    throws
  {
    let text = try page("docs/openapi.yaml")
    let version = try #require(try page("Sources/Arguments/Version.swift").firstMatch(of: /text = "(.+)"/))
    #expect(text.contains("  version: \(version.1)\n"))
    var codes = Set(Rejection.allCases.map { "\($0.code)" })
    for folder in ["Sources/Dialects", "Sources/Edge/Serve"] {
      // Explanations are the admin port's.
      for file in try FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)
      where !file.hasPrefix("Expla") {
        let faults = try page(folder + "/" + file).matches(of: /ClientFault\(\s*"([A-Z_]+)"/)
        codes.formUnion(faults.map { String($0.1) })
      }
    }
    #expect(codes.count > 35)
    for code in codes { #expect(text.contains(try Regex("\\b\(code)\\b")), "\(code) is missing") }
  }

  @Test(arguments: GateRefusal.allCases)
  func `every refusal of the gate stands in docs/decide-api.md`(refusal: GateRefusal) throws {
    #expect(try page("docs/decide-api.md").contains("| `\(refusal.code)` |"))
  }

  @Test(arguments: EventRejection.allCases)
  func `every reason to reject an event stands in docs/collector.md`(rejection: EventRejection) throws {
    #expect(try page("docs/collector.md").contains("`\(rejection.code)`"))
  }

  @Test(arguments: Refusal.Reason.allCases)
  func `every reason to refuse a snapshot stands in docs/distribution.md`(reason: Refusal.Reason) throws {
    #expect(try page("docs/distribution.md").contains("`\(reason.rawValue)`"))
  }

  @Test func `every test that docs/ofrep.md names is there`() throws {
    let rows = try page("docs/ofrep.md").split(separator: "\n").drop { $0 != "| rule | test |" }.dropFirst(2)
    #expect(rows.count > 15)
    var tests = ""
    for file in FileManager.default.enumerator(atPath: root + "/Tests")!.compactMap({ $0 as? String })
    where file.hasSuffix(".swift") { tests += try page("Tests/" + file) }
    for row in rows {
      let cell = row.split(separator: "|")[1]
      for (suite, names) in cell.split(separator: "`").dropFirst().enumerated().reduce(
        into: [(Substring, Substring)](),
        { pairs, part in
          if part.offset % 2 == 0 {
            pairs.append((part.element, ""))
          } else {
            pairs[pairs.count - 1].1 = part.element
          }
        })
      {
        #expect(tests.contains("struct \(suite)"), "\(suite) is missing")
        for name in names.drop(while: { ":; ".contains($0) }).split(separator: ";") {
          let sentence = name.trimmingCharacters(in: .whitespaces)
          if !sentence.isEmpty { #expect(tests.contains("`\(sentence)`"), "\(sentence) is missing") }
        }
      }
    }
  }

  @Test(arguments: ["configs/edge.json", "configs/edge.minimal.json", "configs/demo/edge.json"])
  func `the example configurations load`(name: String) throws {
    _ = try Configuration(file: root + "/" + name, environment: [:])
  }

  @Test func `the collector's example configuration loads and names every setting`() throws {
    _ = try CollectorConfiguration(file: root + "/configs/demo/collector.json", environment: [:])
    let text = try page("configs/collector.json")
    _ = try CollectorConfiguration(file: root + "/configs/collector.json", environment: [:])
    for (name, _) in CollectorConfiguration.settingNames {
      #expect(text.contains("\"\(name.split(separator: ".").last ?? "")\": "), "\(name) is missing")
    }
  }

  @Test(arguments: ["configs/edge.json", "configs/collector.json"])
  func `a complete example stands in configs/README.md as it is in its file`(name: String) throws {
    #expect(try page("configs/README.md").contains("```json\n" + page(name) + "```"))
  }
}
