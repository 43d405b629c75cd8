// The server's side of TLS without a socket: ciphertext in and out through memory, so that whoever owns the
// socket moves the bytes. What a peer does wrong is a value here, not an error: it is the peer's affair.

package import Bytes
internal import COpenSSL

/// What all connections share: the certificate, the key, who may connect, and the keys of session tickets.
@safe package final class TLSServerSettings: @unchecked Sendable {
  fileprivate let context: OpaquePointer

  /// Bytes of the keys that tickets are sealed with: a name, one for HMAC, one for AES.
  private static var ticketKeyCount: Int { 80 }

  /// `certificate` is a PEM file with the chain, `key` one with its private key. With `clientAuthorities`, a PEM
  /// file, only clients with a certificate of one of them are let in. Tickets of `other` are good here too, unless
  /// clients have to show certificates: then each one proves anew that these authorities let it in.
  package init(
    certificate: String, key: String, clientAuthorities: String?,
    sharingTicketsWith other: TLSServerSettings? = nil
  ) throws(TrustFailure) {
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
      throw TrustFailure(after: "SSL_CTX_new")
    }
    unsafe self.context = context
    guard unsafe turnout_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      throw TrustFailure(after: "set the lowest TLS version")
    }
    // A connection that is idle gives OpenSSL's buffers for records back.
    unsafe turnout_SSL_CTX_release_buffers(context)
    unsafe SSL_CTX_set_alpn_select_cb(context, chooseProtocol, nil)
    try unsafe TLSCertificate.use(certificate, key: key, in: context)
    let name = Array("turnout".utf8)
    guard unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count)) == 1 else {
      throw TrustFailure(after: "SSL_CTX_set_session_id_context")
    }
    if let clientAuthorities {
      guard unsafe SSL_CTX_load_verify_locations(context, clientAuthorities, nil) == 1,
        let names = unsafe SSL_load_client_CA_file(clientAuthorities)
      else { throw TrustFailure(after: "read the authorities in \(clientAuthorities)") }
      unsafe SSL_CTX_set_client_CA_list(context, names)
      unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    } else if let other {
      var keys = [UInt8](repeating: 0, count: Self.ticketKeyCount)
      guard unsafe turnout_SSL_CTX_get_ticket_keys(other.context, &keys, keys.count) == 1,
        unsafe turnout_SSL_CTX_set_ticket_keys(context, &keys, keys.count) == 1
      else { throw TrustFailure(after: "keep the keys of session tickets") }
    }
  }

  deinit {
    unsafe SSL_CTX_free(context)
  }
}

/// Picks `http/1.1` out of what a client offers by ALPN; a client that offers only others is refused.
private func chooseProtocol(
  _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
  _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  let own: StaticString = "\u{8}http/1.1"
  var place: UnsafeMutablePointer<UInt8>?
  let code = unsafe SSL_select_next_proto(
    &place, chosenCount, own.utf8Start, UInt32(own.utf8CodeUnitCount), offered, offeredCount)
  guard code == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  unsafe chosen?.pointee = unsafe UnsafePointer(place)
  return SSL_TLSEXT_ERR_OK
}

/// One connection, used by one thread.
@safe package final class TLSSession {
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  /// Whether the handshake is done.
  package private(set) var isEstablished = false
  /// Whether the peer broke the protocol or was refused: nothing is left to do but to send it the alert.
  package private(set) var hasFailed = false

  /// Bytes of plaintext in a record.
  package static var plaintextMax: Int { 16_384 }
  /// Bytes of a record.
  package static var recordMax: Int { plaintextMax + 512 }

  /// nil if there is no memory for it.
  package init?(_ settings: TLSServerSettings) {
    guard let ssl = unsafe SSL_new(settings.context) else { return nil }
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
      unsafe SSL_free(ssl)
      return nil
    }
    unsafe turnout_BIO_set_empty_is_retry(incoming)
    unsafe turnout_BIO_set_empty_is_retry(outgoing)
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    unsafe SSL_set_accept_state(ssl)
    unsafe self.ssl = ssl
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
  }

  deinit {
    unsafe SSL_free(ssl)
  }

  /// Whether the handshake took up a former session.
  package var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  // MARK: - From the peer

  /// Takes ciphertext that came from the peer; to be read to its end before more is received.
  package func receive(_ ciphertext: ByteView) {
    let count = unsafe BIO_write(incoming, ciphertext.start, Int32(ciphertext.count))
    precondition(Int(count) == ciphertext.count)
  }

  package enum Reading: Equatable {
    case bytes(Int)
    /// More ciphertext must come first.
    case nothing
    /// The peer said that it will send no more.
    case ended
    case failed
  }

  /// Goes on with the handshake, then decrypts what came into `region`.
  package func read(into region: ByteRegion) -> Reading {
    guard !hasFailed else { return .failed }
    ERR_clear_error()
    let code = unsafe SSL_read(ssl, region.start, Int32(min(region.count, 1 << 30)))
    if !isEstablished { isEstablished = unsafe SSL_is_init_finished(ssl) == 1 }
    if code > 0 { return .bytes(Int(code)) }
    switch unsafe SSL_get_error(ssl, code) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .nothing
    case SSL_ERROR_ZERO_RETURN: return .ended
    default:
      ERR_clear_error()
      hasFailed = true
      return .failed
    }
  }

  // MARK: - To the peer

  /// Encrypts `plaintext`, 1...``plaintextMax`` bytes, once the session is established; false if it has failed.
  package func write(_ plaintext: ByteView) -> Bool {
    ERR_clear_error()
    let code = unsafe SSL_write(ssl, plaintext.start, Int32(plaintext.count))
    if Int(code) != plaintext.count { hasFailed = true }
    return !hasFailed
  }

  /// Says once that nothing more will be sent (close_notify).
  package func end() {
    guard isEstablished, !hasFailed, unsafe SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 else { return }
    ERR_clear_error()
    unsafe SSL_shutdown(ssl)
  }

  /// Bytes of ciphertext for the peer.
  package var outgoingCount: Int { unsafe turnout_BIO_pending(outgoing) }

  /// Moves ciphertext for the peer into `region` from `offset` on, as much as there is room for: the end of it.
  package func takeOutgoing(into region: ByteRegion, from offset: Int) -> Int {
    let room = region.part(from: offset, count: region.count - offset)
    guard room.count > 0, outgoingCount > 0 else { return offset }
    let count = unsafe BIO_read(outgoing, room.start, Int32(room.count))
    precondition(count > 0)
    return offset + Int(count)
  }
}
