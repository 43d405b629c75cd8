// The servers that are measured beside each other, each with the configuration that makes it do as little as it can:
// one thread, no log, connections that are kept.

import Bytes
import Kernel
import LoadGenerator
import Measuring

enum Server: String, CaseIterable {
  case edge
  /// Parses nothing: what the kernel costs.
  case responder
  /// A fixed answer.
  case nginx
  /// nginx that decides the same experiment in Lua.
  case lua = "nginx-lua"
  /// A fixed answer.
  case haproxy

  /// The program; nil where it is not installed.
  var program: String? {
    switch self {
    case .edge: try? ChildProcess.beside("turnout-edge")
    case .responder: try? ChildProcess.beside("bench-responder")
    case .nginx: ChildProcess.find("nginx")
    case .lua: File.exists(NginxLua.module) ? ChildProcess.find("nginx") : nil
    case .haproxy: ChildProcess.find("haproxy")
    }
  }

  /// Whether it decides, and so answers what it must; the others' answers are cut to a size.
  var decides: Bool { self == .edge || self == .lua }
}

/// A server that runs, and where it listens.
struct RunningServer {
  let process: ChildProcess
  let tcp: Endpoint
  let unix: Endpoint

  func endpoint(_ transport: Transport) -> Endpoint { transport == .tcp ? tcp : unix }
}

enum Transport: String { case tcp, unix }

extension Fixture {
  /// Starts a server pinned to `processor` and returns when it answers. The bare responder knows requests of one size
  /// and one way to come, so it is started for them.
  func start(_ server: Server, _ question: Question, _ transport: Transport, processor: Int) throws
    -> RunningServer
  {
    let tcp = Endpoint.tcp(host: "127.0.0.1", port: port)
    let socket = folder + "/bench.sock"
    let request = requests[question]!.request(0)
    let program = server.program!
    let words: [String]
    switch server {
    case .edge:
      try write("edge.json", edgeConfiguration)
      words = [program, "--config", folder + "/edge.json"]
    case .responder:
      try File.replace(folder + "/answer", with: answers[question]!.bytes)
      words = [
        program, transport == .tcp ? "\(port)" : socket, "\(request.count)", folder + "/answer",
      ]
    case .nginx:
      try write("nginx.conf", nginx("location / { return 200 '\(bodies[server]!)'; }"))
      words = nginxWords(program)
    case .lua:
      try write("decide.lua", NginxLua.script)
      try write("nginx.conf", NginxLua.modules + nginx(NginxLua.location, http: NginxLua.http(folder)))
      words = nginxWords(program)
    case .haproxy:
      try write("answer-body", bodies[server]!)
      try write("haproxy.cfg", haproxyConfiguration)
      words = [program, "-db", "-f", folder + "/haproxy.cfg"]
    }
    try? File.remove(socket)
    // A process that is gone leaves its ring to the kernel, which holds the port a moment longer. This waits for it; not
    // every server does.
    _ = try Socket.listen(tcp, isShared: false).number
    let running = RunningServer(
      process: try ChildProcess(words, processor: processor, log: folder + "/\(server.rawValue).log"),
      tcp: tcp, unix: .unix(path: socket))
    let endpoint = running.endpoint(transport)
    let asked = (server == .edge ? Question.allCases : [question]).map { requests[$0]!.request(0) }
    try running.process.wait { asked.allSatisfy { (try? Answer(of: endpoint, to: $0)) != nil } }
    return running
  }

  private func write(_ name: String, _ text: String) throws {
    try File.replace(folder + "/" + name, with: Array(text.utf8))
  }

  private var edgeConfiguration: String {
    """
    {"listen": ["127.0.0.1:\(port)", "unix:bench.sock"], "admin": "127.0.0.1:\(adminPort)",
     "workers": 1, "stateDirectory": "state",
     "upstream": {"url": "file:site", "environments": ["prod", "flags"], "trust": "trust.json"}}
    """
  }

  private func nginxWords(_ program: String) -> [String] {
    [program, "-p", folder, "-c", folder + "/nginx.conf", "-e", folder + "/nginx-error.log"]
  }

  private func nginx(_ location: String, http: String = "") -> String {
    """
    daemon off; master_process off; pid nginx.pid; error_log nginx-error.log crit;
    events { worker_connections 2048; }
    http {
      access_log off; server_tokens off; keepalive_requests 1000000000; keepalive_timeout 600s;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      \(http)
      server {
        listen 127.0.0.1:\(port) backlog=4096; listen unix:\(folder)/bench.sock backlog=4096;
        default_type application/json;
        \(location)
      }
    }
    """
  }

  private var haproxyConfiguration: String {
    """
    global
      maxconn 2000
      nbthread 1
    defaults
      mode http
      timeout client 600s
      timeout http-request 600s
      timeout http-keep-alive 600s
    frontend bench
      bind 127.0.0.1:\(port) backlog 4096
      bind unix@\(folder)/bench.sock backlog 4096
      http-request return status 200 content-type application/json file \(folder)/answer-body

    """
  }
}
