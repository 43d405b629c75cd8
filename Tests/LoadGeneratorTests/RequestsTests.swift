import LoadGenerator
import Testing

struct RequestsTests {
  private func text(_ requests: Requests, _ number: Int) -> String {
    String(decoding: requests.request(number), as: UTF8.self)
  }

  @Test func `every request names another user, and all have one size`() throws {
    let requests = try Requests(target: "/decide?user_key={user}&again={user}")
    #expect(requests.count == 4096)
    let users = Set((0..<requests.count).map(Requests.user))
    #expect(users.count == requests.count)
    for number in 0..<requests.count {
      let user = Requests.user(number)
      #expect(
        text(requests, number) == "GET /decide?user_key=\(user)&again=\(user) HTTP/1.1\r\nHost: bench\r\n\r\n"
      )
      #expect(requests.request(number).count == requests.size)
    }
  }

  @Test func `a request with a body states its length`() throws {
    let requests = try Requests(target: "/evaluate", body: #"{"key":"{user}"}"#, count: 3)
    #expect(
      text(requests, 2) == """
        POST /evaluate HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n\
        {"key":"\(Requests.user(2))"}
        """)
  }

  @Test func `the first requests stand behind the last one`() throws {
    let requests = try Requests(target: "/{user}", count: 3)
    for number in 0..<20 { #expect(text(requests, number) == text(requests, number % 3)) }
  }
}
