// docs/openapi.yaml against a running edge: schemathesis makes requests from it, good and bad, and holds each answer
// to it. More of them by hand: the same command with a higher --max-examples and another --seed.

import ProgramSupport
import Testing

@Suite struct OpenAPITests {
  @Test func `every answer is as docs/openapi.yaml says, whatever is asked`() throws {
    let folder = try Folder()
    try folder.write("visitors.key", String(repeating: "6b", count: 32))
    // With visitors, so that what an answer may tell them is looked at as well.
    let house = try ClientHouse(
      folder: folder,
      members: [#""visitors": {"cookie": true, "sticky": "header", "keyFile": "visitors.key"}"#])
    // It leaves files where it runs.
    let result = try Program.run(
      "/usr/bin/env",
      [
        "-C", folder.path, Python.path(), "-m", "schemathesis.cli", "--config-file",
        Python.support + "/schemathesis.toml", "run", Python.root + "/docs/openapi.yaml", "--url", house.url,
        "--max-examples", "20",
      ], within: 300)
    #expect(result.code == 0, "\(result.output.suffix(6000))\(result.errors)")
    // It was no conversation about nothing.
    for route in [
      "/decide", "/api/v1/decide", "/api/v1/decide/batch", "/ofrep/v1/evaluate/flags/{key}",
      "/ofrep/v1/evaluate/flags", "/ofrep/v1/events", "/api/v1/client-snapshot", "/health", "/configs",
    ] {
      for status in [200, 405] {
        let series = "turnout_http_requests_total{route=\"\(route)\",status=\"\(status)\"}"
        #expect(try house.edge.metric(series) > 0, "\(series)")
      }
    }
  }
}
