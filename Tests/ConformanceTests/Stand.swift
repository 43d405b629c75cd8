// The real edge, once for each event back end, and the two ways to reach it.

import Glibc
import ProgramSupport

/// How an edge speaks to the kernel. Every test of this target runs on each of them.
enum Driver: String, CaseIterable {
  case uring = "io_uring"
  case epoll
}

enum Transport: CaseIterable {
  case tcp, unix
}

/// An edge over an upstream with one environment, `prod`.
struct Stand {
  let edge: EdgeProcess

  init(
    _ driver: Driver, padding: Int = 0, limits: [String] = [],
    _ change: (inout EdgeSettings) -> Void = { _ in }
  ) throws {
    let site = try Site()
    try site.publish("prod", 1, padding: padding)
    let upstream = try ScriptedUpstream(site)
    var settings = EdgeSettings(upstream, site)
    settings.members.append("\"driver\": \"\(driver.rawValue)\"")
    settings.limits += limits
    change(&settings)
    edge = try EdgeProcess(settings)
    edge.owned = [upstream]
  }

  func client(_ transport: Transport) throws -> RawClient {
    switch transport {
    case .tcp: try edge.client()
    case .unix: try edge.unixClient()
    }
  }

  /// Rejections before any route so far, by their code.
  func rejections(_ code: String) throws -> Int {
    try edge.metric("turnout_http_rejections_total{reason=\"\(code)\"}")
  }

  /// Descriptors that the edge keeps open when nobody is connected.
  func settledDescriptors() throws -> Int {
    try eventually("every connection is gone") { try edge.metric("turnout_connections") == 0 }
    return edge.process.descriptorCount
  }
}

/// Has as many descriptors as the system lets this process have; how many.
func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = limit.rlim_max
  _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  return Int(limit.rlim_cur)
}
