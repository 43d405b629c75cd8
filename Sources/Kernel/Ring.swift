// The io_uring driver: submissions are queued, handed over together, and completions drained in batches;
// nothing acts inside a callback. One thread owns a ring. Received bytes come in buffers that the kernel
// picks from a ring of its own and that are given back as soon as they were read.

package import Bytes
internal import CLiburing
import Glibc

package struct RingSettings: Sendable {
  /// Submissions that fit before they are handed over.
  package var submissions: UInt32 = 1024
  /// Completions that fit before the kernel keeps them aside.
  package var completions: UInt32 = 8192
  /// Receive buffers, a power of two.
  package var buffers = 256
  /// Bytes of one receive buffer.
  package var bufferSize = 4096
  /// Bytes from one to the next: an odd number of cache lines, so that their beginnings, which is all that most requests
  /// fill, do not share a few sets of the processor's caches.
  var bufferStride: Int { (bufferSize / 128 + 3) * 128 + 64 }

  package init() {}
}

@safe package struct Ring: ~Copyable {
  private let ring: UnsafeMutablePointer<io_uring>
  private let buffersMemory: Memory
  private let bufferRingMemory: Memory
  private let bufferRing: UnsafeMutablePointer<io_uring_buf_ring>
  private let settings: RingSettings
  private let batch: UnsafeMutablePointer<UnsafeMutablePointer<io_uring_cqe>?>
  /// What a received message is to be laid out like.
  private let messageForm: UnsafeMutablePointer<msghdr>
  /// Whether completions are posted by this thread's own calls alone, so that silence can be told from "not yet".
  package let isDeferring: Bool
  private var batchCount = 0
  private var batchIndex = 0
  private let waker: Waker

  private static var batchMax: Int { 512 }
  private static var bufferGroup: UInt16 { 0 }

  /// A ring for the calling thread, which alone may use it from then on, woken by `waker`.
  package init(_ settings: RingSettings = RingSettings(), waker: Waker) throws(SystemFailure) {
    self.settings = settings
    self.waker = waker
    let buffersMemory = try Memory(byteCount: settings.buffers * settings.bufferStride)
    let bufferRingMemory = try Memory(byteCount: settings.buffers * MemoryLayout<io_uring_buf>.stride)
    let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
    let isDeferring = try unsafe Ring.setUp(ring, settings)
    // A failure costs a look-up of the ring's descriptor in each call, and nothing else.
    _ = unsafe io_uring_register_ring_fd(ring)
    var registration = io_uring_buf_reg()
    registration.ring_addr = UInt64(UInt(bitPattern: unsafe bufferRingMemory.region.start))
    registration.ring_entries = UInt32(settings.buffers)
    registration.bgid = Ring.bufferGroup
    let code = unsafe io_uring_register_buf_ring(ring, &registration, 0)
    guard code == 0 else {
      unsafe io_uring_queue_exit(ring)
      throw SystemFailure("io_uring_register_buf_ring", code: -code, remedy: "Use Linux 6.0 or later.")
    }
    unsafe self.ring = ring
    self.isDeferring = isDeferring
    unsafe bufferRing = bufferRingMemory.region.start.assumingMemoryBound(to: io_uring_buf_ring.self)
    self.buffersMemory = buffersMemory
    self.bufferRingMemory = bufferRingMemory
    unsafe messageForm = .allocate(capacity: 1)
    unsafe turnout_prepare_message_form(messageForm)
    unsafe batch = .allocate(capacity: Ring.batchMax)
    unsafe batch.initialize(repeating: nil, count: Ring.batchMax)
    for buffer in 0..<settings.buffers { provide(buffer, at: buffer) }
    unsafe io_uring_buf_ring_advance(bufferRing, Int32(settings.buffers))
    watchWaker()
  }

  deinit {
    unsafe io_uring_queue_exit(ring)
    unsafe ring.deallocate()
    unsafe batch.deallocate()
    unsafe messageForm.deallocate()
  }

  /// Whether completions are deferred.
  private static func setUp(
    _ ring: UnsafeMutablePointer<io_uring>, _ settings: RingSettings
  ) throws(SystemFailure) -> Bool {
    // Deferred task work (Linux 6.1) runs completions only when this thread asks for them.
    for full: Int32 in [1, 0] {
      var parameters = io_uring_params()
      parameters.flags = turnout_setup_flags(full)
      parameters.cq_entries = settings.completions
      let code = unsafe io_uring_queue_init_params(settings.submissions, ring, &parameters)
      if code == 0 { return full == 1 }
      guard full == 1, -code == EINVAL else { throw failure(-code) }
    }
    return false
  }

  private static func failure(_ code: Int32) -> SystemFailure {
    let remedy =
      switch code {
      case EPERM, ENOSYS:
        "This kernel or container forbids io_uring: allow io_uring_setup, io_uring_enter and io_uring_register."
      case ENOMEM: "Raise the limit on locked memory (ulimit -l, RLIMIT_MEMLOCK)."
      case EMFILE, ENFILE: "Raise the limit on open files (ulimit -n)."
      default: ""
      }
    return SystemFailure("io_uring_setup", code: code, remedy: remedy)
  }

  /// Completions that did not fit and were kept aside by the kernel so far.
  package var overflowCount: Int { unsafe Int(turnout_cq_overflow(ring)) }

  // MARK: - Operations

  /// Accepts connections until it fails or is cancelled, or only one; a completion's result is a descriptor.
  package mutating func accept(on listener: Int32, once: Bool, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    let flags = Int32(SOCK_CLOEXEC.rawValue)
    if once {
      unsafe io_uring_prep_accept(sqe, listener, nil, nil, flags)
    } else {
      unsafe io_uring_prep_multishot_accept(sqe, listener, nil, nil, flags)
    }
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// Receives into the ring's buffers until it fails, the stream ends or the buffers run out.
  package mutating func receive(_ socket: Int32, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recv_multishot(sqe, socket, nil, 0, 0)
    unsafe turnout_sqe_select_buffer(sqe, Ring.bufferGroup)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// Receives once into `region`, which must stay as it is until the completion.
  package mutating func receive(_ socket: Int32, into region: ByteRegion, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recv(sqe, socket, region.start, region.count, 0)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// Receives datagrams with their origin into the ring's buffers, until it fails or the buffers run out; the
  /// completions' buffers hold what ``message(in:count:)`` reads.
  package mutating func receiveMessages(_ socket: Int32, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_recvmsg_multishot(sqe, socket, messageForm, 0)
    unsafe turnout_sqe_select_buffer(sqe, Ring.bufferGroup)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// What ``receiveMessages(_:_:)`` received: the first `count` bytes of a buffer, whose memory it points into; nil
  /// if that is no whole message.
  package func message(in buffer: Int32, count: Int) -> Message? {
    var parts = unsafe turnout_message()
    let region = self.buffer(buffer)
    guard unsafe turnout_read_message(region.start, Int32(count), messageForm, &parts) != 0 else {
      return nil
    }
    return unsafe Message(
      origin: Address(parts.origin, count: Int(parts.origin_length)),
      payload: ByteView(start: parts.payload, count: Int(parts.payload_length)), segment: Int(parts.segment),
      drops: parts.drops, isCut: parts.is_cut != 0)
  }

  /// Sends once from `bytes`, which must not change before the completion; the result may be short.
  package mutating func send(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe io_uring_prep_send(sqe, socket, bytes.start, bytes.count, Int32(MSG_NOSIGNAL))
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// Sends from `bytes` while the submission is handed over, and is silent if all of them were taken. If not, a completion
  /// tells how many were, or that none was (``Completion/isRefused``): it is there when ``wait(nanoseconds:)`` returns.
  package mutating func sendSilently(_ socket: Int32, _ bytes: ByteView, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_WAITALL) | Int32(MSG_DONTWAIT)
    unsafe io_uring_prep_send(sqe, socket, bytes.start, bytes.count, flags)
    unsafe turnout_sqe_skip_success(sqe)
    unsafe turnout_sqe_set_token(sqe, token.bits)
  }

  /// Connects to `address`. Hands everything over at once: the kernel reads the address only then.
  package mutating func connect(_ socket: Int32, to address: Address, _ token: Token) {
    let sqe = unsafe vacantSubmission()
    unsafe Socket.withPointer(to: address) {
      unsafe io_uring_prep_connect(sqe, socket, $0, address.length)
      unsafe turnout_sqe_set_token(sqe, token.bits)
      _ = unsafe io_uring_submit(ring)
    }
  }

  /// Ends the operation of `target`, whose last completion still comes.
  package mutating func cancel(_ target: Token) {
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

  /// The completions that came and were not yet drained by ``next()``; nil while the kernel keeps some aside. To be asked
  /// for when all that came before were drained.
  package var readyCount: Int? {
    unsafe turnout_cq_is_overflowing(ring) != 0 ? nil : Int(io_uring_cq_ready(ring))
  }

  /// The token of one of them, the oldest first.
  package func token(ofReady index: Int) -> Token {
    unsafe Token(bits: turnout_cq_token(ring, UInt32(index)))
  }

  /// Hands over what is queued and waits for a completion, at most `nanoseconds`.
  package mutating func wait(nanoseconds: UInt64) {
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

  /// Hands over what is queued and lets what is done complete, without waiting: for a thread that has its processor
  /// to itself and nothing better to do than to look.
  package mutating func look() {
    let code = unsafe io_uring_submit_and_get_events(ring)
    switch -code {
    case _ where code >= 0: break
    case EINTR, EBUSY, EAGAIN: break
    default: preconditionFailure("io_uring_submit_and_get_events failed with errno \(-code)")
    }
  }

  /// The next completion, or nil when all that came were drained.
  package mutating func next() -> Completion? {
    while true {
      if batchIndex == batchCount {
        if batchCount > 0 { unsafe io_uring_cq_advance(ring, UInt32(batchCount)) }
        batchIndex = 0
        batchCount = unsafe Int(io_uring_peek_batch_cqe(ring, batch, UInt32(Ring.batchMax)))
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

  /// The memory of a receive buffer, valid until it is given back.
  package func buffer(_ index: Int32) -> ByteRegion {
    buffersMemory.region.part(from: Int(index) * settings.bufferStride, count: settings.bufferSize)
  }

  /// Gives a receive buffer back to the kernel.
  package mutating func giveBack(_ index: Int32) {
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
