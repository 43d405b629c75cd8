// The io_uring driver: submissions are queued, handed over together, and completions drained in batches. Received
// bytes come in buffers that the kernel picks from a ring of its own.

import Bytes
internal import CLiburing
import Glibc

@safe struct UringDriver: ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring>
  private let buffersMemory: Memory
  private let bufferRingMemory: Memory
  private let bufferRing: UnsafeMutablePointer<io_uring_buf_ring>
  private let settings: DriverSettings
  private let waker: Waker
  private let batch: UnsafeMutablePointer<UnsafeMutablePointer<io_uring_cqe>?>
  /// What a received message is to be laid out like.
  private let messageForm: UnsafeMutablePointer<msghdr>
  private var batchCount = 0
  private var batchIndex = 0

  private static var batchMax: Int { 512 }
  private static var bufferGroup: UInt16 { 0 }

  /// A ring for the calling thread, which alone may use it from then on, woken by `waker`.
  init(_ settings: DriverSettings, waker: Waker) throws(SystemFailure) {
    self.settings = settings
    self.waker = waker
    let buffersMemory = try Memory(byteCount: settings.buffers * settings.bufferStride)
    let bufferRingMemory = try Memory(byteCount: settings.buffers * MemoryLayout<io_uring_buf>.stride)
    let ring = try unsafe Self.setUp(settings, buffers: bufferRingMemory.region)
    unsafe self.ring = ring
    unsafe bufferRing = bufferRingMemory.region.start.assumingMemoryBound(to: io_uring_buf_ring.self)
    self.buffersMemory = buffersMemory
    self.bufferRingMemory = bufferRingMemory
    unsafe messageForm = .allocate(capacity: 1)
    unsafe turnout_prepare_message_form(messageForm)
    unsafe batch = .allocate(capacity: Self.batchMax)
    unsafe batch.initialize(repeating: nil, count: Self.batchMax)
    for buffer in 0..<settings.buffers { provide(buffer, at: buffer) }
    unsafe io_uring_buf_ring_advance(bufferRing, Int32(settings.buffers))
    watchWaker()
  }

  /// Whether the system gives a ring with everything that is asked of it; throws why not.
  static func probe() throws(SystemFailure) {
    let settings = DriverSettings(submissions: 8, completions: 16, buffers: 1)
    let buffers = try Memory(byteCount: MemoryLayout<io_uring_buf>.stride)
    let ring = try unsafe setUp(settings, buffers: buffers.region)
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
  }

  deinit {
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
    unsafe batch.deallocate()
    unsafe messageForm.deallocate()
  }

  /// A ring whose completions are posted by this thread's own calls alone (deferred task work, Linux 6.1), so that
  /// silence can be told from "not yet".
  private static func setUp(
    _ settings: DriverSettings, buffers: ByteRegion
  ) throws(SystemFailure) -> UnsafeMutablePointer<io_uring> {
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    var parameters = io_uring_params()
    parameters.flags = turnout_setup_flags()
    parameters.cq_entries = settings.completions
    var code = unsafe io_uring_queue_init_params(settings.submissions, ring, &parameters)
    guard code == 0 else {
      unsafe ring.deallocate()
      throw failure("io_uring_setup", -code)
    }
    // A failure costs a look-up of the ring's descriptor in each call, and nothing else.
    _ = unsafe io_uring_register_ring_fd(ring)
    var registration = io_uring_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: unsafe buffers.start))
    registration.ring_entries = UInt32(settings.buffers)
    registration.bgid = bufferGroup
    code = unsafe io_uring_register_buf_ring(ring, &registration, 0)
    guard code == 0 else {
      unsafe io_uring_queue_exit(ring)
      unsafe ring.deallocate()
      throw failure("io_uring_register_buf_ring", -code)
    }
    return unsafe ring
  }

  private static func failure(_ call: String, _ code: Int32) -> SystemFailure {
    let remedy =
      switch code {
      case EPERM, ENOSYS:
        "This kernel or container forbids io_uring: allow io_uring_setup, io_uring_enter and io_uring_register."
      case EINVAL: "Use Linux 6.1 or later."
      case ENOMEM: "Raise the limit on locked memory (ulimit -l, RLIMIT_MEMLOCK)."
      case EMFILE, ENFILE: "Raise the limit on open files (ulimit -n)."
      default: ""
      }
    return SystemFailure(call, code: code, remedy: remedy)
  }

  /// Completions that did not fit and were kept aside by the kernel so far.
  var overflowCount: Int { unsafe Int(turnout_cq_overflow(ring)) }

  // MARK: - Operations

  mutating func accept(on listener: Int32, once: Bool, _ token: Token) {
    // A listener may come from elsewhere; with the flag, nothing would wait for a connection.
    Socket.setBlocking(listener, true)
    let sqe = unsafe vacantSubmission()
    let flags = Int32(SOCK_CLOEXEC.rawValue)
    if once {
      unsafe io_uring_prep_accept(sqe, listener, nil, nil, flags)
    } else {
      unsafe io_uring_prep_multishot_accept(sqe, listener, nil, nil, flags)
    }
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func receive(_ socket: Int32, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recv_multishot(sqe, socket, nil, 0, 0)
    unsafe turnout_sqe_select_buffer(sqe, Self.bufferGroup)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func receive(_ socket: Int32, into region: ByteRegion, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recv(sqe, socket, region.start, region.count, 0)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func receiveMessages(_ socket: Int32, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recvmsg_multishot(sqe, socket, messageForm, 0)
    unsafe turnout_sqe_select_buffer(sqe, Self.bufferGroup)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func send(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_send(sqe, socket, bytes.start, bytes.count, Int32(MSG_NOSIGNAL))
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_WAITALL) | Int32(MSG_DONTWAIT)
    unsafe io_uring_prep_send(sqe, socket, bytes.start, bytes.count, flags)
    unsafe turnout_sqe_skip_success(sqe)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  mutating func connect(_ socket: Int32, to address: Address, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe Socket.withPointer(to: address) {
      unsafe io_uring_prep_connect(sqe, socket, $0, address.length)
      unsafe turnout_sqe_set_token(sqe, token.bits)
      _ = unsafe io_uring_submit(ring)
    }
  }

  mutating func cancel(_ target: Token, on socket: Int32) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_cancel64(sqe, target.bits, 0)
    unsafe turnout_sqe_set_token(sqe, Token(.cancel, slot: 0).bits)
  }

  private mutating func watchWaker() {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_poll_multishot(sqe, waker.descriptor, UInt32(POLLIN))
    unsafe turnout_sqe_set_token(sqe, Token(.wake, slot: 0).bits)
  }

  /// A place in the submission queue; a full queue is handed over first.
  private mutating func vacantSubmission() -> UnsafeMutablePointer<io_uring_sqe> {
    while true {
      if let sqe = unsafe io_uring_get_sqe(ring) { return unsafe sqe }
      let code = unsafe io_uring_submit(ring)
      precondition(code >= 0 || -code == EINTR || -code == EAGAIN || -code == EBUSY, "io_uring_submit")
    }
  }

  // MARK: - Completions

  func readyCount() -> Int? {
    unsafe turnout_cq_is_overflowing(ring) != 0 ? nil : Int(io_uring_cq_ready(ring))
  }

  func token(ofReady index: Int) -> Token {
    unsafe Token(bits: turnout_cq_token(ring, UInt32(index)))
  }

  mutating func wait(nanoseconds: UInt64) {
    var time = __kernel_timespec(
      tv_sec: Int64(nanoseconds / 1_000_000_000), tv_nsec: Int64(nanoseconds % 1_000_000_000))
    var first: UnsafeMutablePointer<io_uring_cqe>?
    let code = unsafe io_uring_submit_and_wait_timeout(ring, &first, 1, &time, nil)
    // ETIME: nothing came. EBUSY and EAGAIN: completions must be drained first, which follows.
    switch -code {
    case _ where code >= 0: break
    case ETIME, EINTR, EBUSY, EAGAIN: break
    default: preconditionFailure("io_uring_submit_and_wait_timeout failed with errno \(-code)")
    }
  }

  mutating func look() {
    let code = unsafe io_uring_submit_and_get_events(ring)
    switch -code {
    case _ where code >= 0: break
    case EINTR, EBUSY, EAGAIN: break
    default: preconditionFailure("io_uring_submit_and_get_events failed with errno \(-code)")
    }
  }

  mutating func next() -> Completion? {
    while true {
      if batchIndex == batchCount {
        if batchCount > 0 { unsafe io_uring_cq_advance(ring, UInt32(batchCount)) }
        batchIndex = 0
        batchCount = unsafe Int(io_uring_peek_batch_cqe(ring, batch, UInt32(Self.batchMax)))
        guard batchCount > 0 else { return nil }
      }
      let cqe = unsafe batch[batchIndex]!
      batchIndex += 1
      let completion = unsafe Completion(
        token: Token(bits: cqe.pointee.user_data), result: cqe.pointee.res,
        buffer: turnout_cqe_buffer(cqe), hasMore: turnout_cqe_has_more(cqe) != 0)
      switch completion.token.operation {
      case .wake:
        waker.drain()
        if !completion.hasMore { watchWaker() }
        return completion
      case .cancel: continue
      default: return completion
      }
    }
  }

  func buffer(_ index: Int32) -> ByteRegion {
    buffersMemory.region.part(from: Int(index) * settings.bufferStride, count: settings.bufferSize)
  }

  mutating func giveBack(_ index: Int32) {
    provide(Int(index), at: 0)
    unsafe io_uring_buf_ring_advance(bufferRing, 1)
  }

  private func provide(_ index: Int, at place: Int) {
    let region = buffer(Int32(index))
    unsafe io_uring_buf_ring_add(
      bufferRing, region.start, UInt32(region.count), UInt16(index),
      io_uring_buf_ring_mask(UInt32(settings.buffers)), Int32(place))
  }
}
