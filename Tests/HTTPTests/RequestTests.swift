import HTTP
import Testing

struct RequestTests {
  @Test func `every rejection has a code of its own`() {
    #expect(Set(Rejection.allCases.map { $0.code.description }).count == Rejection.allCases.count)
    for rejection in Rejection.allCases {
      #expect(
        rejection.code.description.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == UInt8(ascii: "_") })
    }
  }

  // The server writes the two between quotes without looking at them.
  @Test(arguments: Rejection.allCases)
  func `advice is a sentence that can stand in a JSON string as it is`(_ rejection: Rejection) {
    let advice = rejection.advice.description
    #expect(advice.first?.isUppercase == true && advice.hasSuffix("."))
    #expect(advice.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
  }

  @Test(arguments: Rejection.allCases)
  func `a rejection is the client's fault or the server's`(_ rejection: Rejection) {
    #expect((400...599).contains(rejection.status.rawValue))
  }

  // RELIABILITY H1 to H5.
  @Test(
    arguments: [
      (.targetTooLong, .targetTooLong), (.headTooLarge, .headTooLarge), (.tooManyFields, .headTooLarge),
      (.bodyTooLarge, .bodyTooLarge), (.malformedChunk, .badRequest), (.ambiguousLength, .badRequest),
      (.missingHost, .badRequest), (.unsupportedCoding, .notImplemented),
      (.unsupportedVersion, .versionNotSupported),
      (.unsupportedExpectation, .expectationFailed), (.headTimeout, .requestTimeout),
    ] as [(Rejection, Status)])
  func `a rejection has the status that the RFCs give it`(_ rejection: Rejection, _ status: Status) {
    #expect(rejection.status == status)
  }
}
