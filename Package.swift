// swift-tools-version: 6.2
// The manifest is the architecture diagram: read it top to bottom. A target may import only what its line
// names, so a wrong arrow between two rooms does not compile (docs/architecture.md tells the rooms' rules).
import PackageDescription

// Every x86 server since 2013 (Haswell, Excavator) has what this level names; the programs refuse to start on an older
// one (docs/decisions/0038-instruction-set.md).
#if arch(x86_64)
  let instructionSet = ["-Xcc", "-march=x86-64-v3"]
#else
  let instructionSet: [String] = []
#endif

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  // @_noAllocation is checked through the callees of other files, which only this mode can see.
  .unsafeFlags(["-whole-module-optimization", "-num-threads", "2"], .when(configuration: .debug)),
  .unsafeFlags(instructionSet),
]

/// Of Sources: libraries that nothing there uses are not linked, since each that a program begins with costs memory and
/// time. What measures and tests may use them.
let lean: [SwiftSetting] = [
  .unsafeFlags([
    "-Xfrontend", "-disable-implicit-concurrency-module-import",
    "-Xfrontend", "-disable-implicit-string-processing-module-import",
  ])
]

func room(_ name: String, _ imports: [String] = [], path: String? = nil) -> Target {
  .target(
    name: name, dependencies: imports.map { .byName(name: $0) }, path: path,
    swiftSettings: strict + (path == nil ? lean : []))
}

func program(_ name: String, _ imports: [String], path: String? = nil) -> Target {
  .executableTarget(
    name: name, dependencies: imports.map { .byName(name: $0) }, path: path,
    swiftSettings: strict + (path == nil ? lean : []))
}

func tests(_ name: String, _ imports: [String], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: imports.map { .byName(name: $0) }, exclude: exclude, swiftSettings: strict)
}

let package = Package(
  name: "turnout",
  products: [
    .executable(name: "turnout-edge", targets: ["turnout-edge"]),
    .executable(name: "turnout-collector", targets: ["turnout-collector"]),
    .executable(name: "turnout", targets: ["turnout"]),
  ],
  dependencies: [],
  targets: [
    // L0: nouns that know nobody, and the C libraries. The edge links liburing and OpenSSL, nothing else.
    .systemLibrary(name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    room("Bytes"),

    // L1: one noun each.
    room("Arguments", ["Bytes"]),
    room("Access", ["Bytes"]),
    room("JSON", ["Bytes"]),
    room("HTTP", ["Bytes"]),
    room("Decisions", ["Bytes", "JSON"]),
    room("Kernel", ["Bytes", "CLiburing"]),
    room("Trust", ["Bytes", "COpenSSL"]),

    // L2: two nouns joined.
    room("Operations", ["Arguments", "Bytes", "JSON", "Kernel"]),
    room("Exposures", ["Bytes", "Decisions"]),
    room("Snapshots", ["Bytes", "JSON", "Decisions", "Trust"]),
    room("Dialects", ["Bytes", "JSON", "HTTP", "Decisions", "Exposures", "Trust"]),
    room("Publication", ["Bytes"]),
    room("Server", ["Bytes", "HTTP", "Kernel", "Trust"]),

    // L3: the wiring of one plane.
    room(
      "Edge",
      [
        "Arguments", "Bytes", "JSON", "HTTP", "Decisions", "Kernel", "Trust", "Snapshots", "Dialects",
        "Publication", "Server", "Operations", "Exposures", "Access",
      ]),
    room(
      "Collector",
      [
        "Arguments", "Bytes", "JSON", "HTTP", "Kernel", "Trust", "Exposures", "Publication", "Server",
        "Operations", "CSQLite", "CZstd", "CKafka",
      ]),

    // L4: arguments, exit codes, one call.
    program("turnout-edge", ["Arguments", "Kernel", "Snapshots", "Operations", "Edge"]),
    program("turnout-collector", ["Arguments", "Kernel", "Operations", "Collector"]),
    program(
      "turnout",
      [
        "Arguments", "Bytes", "JSON", "HTTP", "Decisions", "Kernel", "Trust", "Snapshots", "Dialects",
        "Exposures", "Operations",
      ]),

    // Programs that measure, and the rooms they share; `make bench` runs them.
    .systemLibrary(name: "CPeers", path: "Benchmarks/CPeers"),
    room("Measuring", ["Arguments", "Bytes", "JSON", "Kernel"], path: "Benchmarks/measuring"),
    room(
      "LoadGenerator", ["Bytes", "HTTP", "Kernel", "Measuring", "Publication"], path: "Benchmarks/generator"),
    program(
      "bench-load", ["Arguments", "Kernel", "LoadGenerator", "Measuring", "Operations"],
      path: "Benchmarks/load"),
    program(
      "bench-serve",
      ["Arguments", "Bytes", "HTTP", "Kernel", "LoadGenerator", "Measuring", "Operations"],
      path: "Benchmarks/serve"),
    program(
      "bench-swap", ["Arguments", "Kernel", "LoadGenerator", "Measuring", "Operations", "Publication"],
      path: "Benchmarks/swap"),
    .executableTarget(name: "bench-responder", dependencies: ["CLiburing"], path: "Benchmarks/responder"),
    program(
      "bench-engine",
      [
        "Arguments", "Bytes", "CPeers", "Decisions", "Dialects", "HTTP", "Kernel", "Measuring",
        "Operations", "Snapshots", "Trust",
      ],
      path: "Benchmarks/engine"),
    program(
      "bench-exposures", ["Bytes", "Exposures", "HTTP", "Kernel", "Measuring", "Publication"],
      path: "Benchmarks/exposures"),

    // Tests/<Room>Tests/<File>Tests.swift mirrors Sources/<Room>/<File>.swift.
    room("TestSupport", ["Bytes"], path: "Tests/TestSupport"),
    room(
      "ProgramSupport", ["Bytes", "JSON", "Kernel", "Snapshots", "Trust", "COpenSSL"],
      path: "Tests/ProgramSupport"),
    // A world that follows from a seed, with the real edge and the collector's receiver in it.
    room(
      "Simulation",
      [
        "Bytes", "Collector", "Edge", "Exposures", "HTTP", "JSON", "Kernel", "Publication", "Server",
        "Snapshots",
        "TestSupport", "Trust",
      ], path: "Tests/Simulation"),
    program(
      "simulate", ["Arguments", "Bytes", "Kernel", "Measuring", "Operations", "Simulation"],
      path: "Tests/Simulate"),
    tests("SimulationTests", ["Simulation", "simulate", "ProgramSupport"]),
    tests("BytesTests", ["Bytes", "JSON", "TestSupport"]),
    tests("AccessTests", ["Bytes", "Access", "TestSupport"]),
    tests("KernelTests", ["Kernel", "ProgramSupport"]),
    tests("JSONTests", ["Bytes", "JSON", "TestSupport"]),
    tests("ServerTests", ["Bytes", "HTTP", "Kernel", "Server", "Trust", "ProgramSupport"]),
    tests("HTTPTests", ["Bytes", "HTTP", "TestSupport"]),
    tests("TidyTests", ["Collector", "Edge", "HTTP", "Snapshots"]),
    tests(
      "EdgeTests",
      [
        "turnout-edge", "turnout", "Bytes", "JSON", "HTTP", "Decisions", "Exposures", "Kernel", "Snapshots",
        "Trust", "Edge", "ProgramSupport", "TestSupport",
      ], exclude: ["Shims", "Support"]),
    tests("ConformanceTests", ["turnout-edge", "JSON", "Kernel", "ProgramSupport"]),
    tests("DecisionsTests", ["Bytes", "JSON", "Decisions", "Snapshots", "Trust", "TestSupport"]),
    tests("SnapshotsTests", ["Bytes", "JSON", "Decisions", "Snapshots", "Trust", "TestSupport"]),
    tests(
      "DialectsTests",
      [
        "Bytes", "JSON", "HTTP", "Decisions", "Exposures", "Trust", "Snapshots", "Dialects", "TestSupport",
      ]),
    tests("TrustTests", ["Bytes", "Trust", "ProgramSupport"]),
    tests("ExposuresTests", ["Bytes", "Decisions", "Exposures", "Trust", "TestSupport"]),
    tests(
      "CollectorTests",
      [
        "turnout-collector", "turnout-edge", "turnout", "Bytes", "HTTP", "JSON", "Kernel", "Trust",
        "Exposures",
        "Publication", "Server", "Collector", "CSQLite", "CKafka", "TestSupport", "ProgramSupport",
      ]),
    tests(
      "MeasuringTests", ["bench-engine", "JSON", "Kernel", "Measuring", "ProgramSupport", "TestSupport"]),
    tests("PublicationTests", ["Bytes", "Publication", "TestSupport"]),
    tests(
      "LoadGeneratorTests",
      ["Bytes", "Kernel", "LoadGenerator", "Measuring", "Publication", "ProgramSupport"]),
    tests(
      "BenchmarkTests",
      [
        "bench-load", "bench-serve", "bench-swap", "turnout-edge", "turnout", "Kernel", "LoadGenerator",
        "ProgramSupport",
      ]),

    // Laws that hold whatever the bytes are: `make fuzz` looks for bytes that break one.
    room(
      "Laws",
      [
        "Access", "Bytes", "Collector", "Decisions", "Dialects", "Exposures", "HTTP", "JSON", "Kernel",
        "Snapshots", "Trust",
      ],
      path: "Tests/Fuzz/Laws"),
    tests("FuzzTests", ["Bytes", "Laws", "TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)

// libFuzzer brings the main function of what it is linked to, so the fuzzer is no part of other builds.
if Context.environment["TURNOUT_FUZZ"] != nil {
  package.targets.append(program("fuzz", ["Bytes", "Laws"], path: "Tests/Fuzz/Program"))
}

// Of Server the compiler of Swift 6.3.1 makes invalid code under the thread sanitizer: there is only what threads share.
if Context.environment["TURNOUT_SHARED_WORDS"] != nil {
  package.products = []
  package.targets.removeAll { target in
    !["Bytes", "Publication", "TestSupport", "PublicationTests"].contains(target.name)
  }
}
