// The client's side of TLS without a socket: ciphertext in and out through memory, so that whoever owns the
// socket moves the bytes. Certificate and host name are always verified.

package import Bytes
internal import COpenSSL

/// What all connections to one upstream share.
@safe package final class TLSClientSettings: @unchecked Sendable {
  fileprivate let context: OpaquePointer

  /// Trusts the system's authorities, or only those in the PEM file `authorities`. `certificate` and `key`
  /// are PEM files, for an upstream that asks who we are.
  package init(authorities: String?, certificate: String?, key: String?) throws(TrustFailure) {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw TrustFailure(after: "SSL_CTX_new")
    }
    unsafe self.context = context
    guard unsafe turnout_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      throw TrustFailure(after: "set the lowest TLS version")
    }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    if let authorities {
      guard unsafe SSL_CTX_load_verify_locations(context, authorities, nil) == 1 else {
        throw TrustFailure(after: "read the authorities in \(authorities)")
      }
    } else {
      guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
        throw TrustFailure(after: "read the system's authorities")
      }
    }
    if let certificate { try unsafe TLSCertificate.use(certificate, key: key, in: context) }
  }

  deinit {
    unsafe SSL_CTX_free(context)
  }
}

/// One connection.
@safe package final class TLSClient {
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// A connection to `host`, whose certificate must be valid for that name or address.
  package init(_ settings: TLSClientSettings, host: String) throws(TrustFailure) {
    guard let ssl = unsafe SSL_new(settings.context), let incoming = unsafe BIO_new(BIO_s_mem()),
      let outgoing = unsafe BIO_new(BIO_s_mem())
    else { throw TrustFailure(after: "SSL_new") }
    unsafe turnout_BIO_set_empty_is_retry(incoming)
    unsafe turnout_BIO_set_empty_is_retry(outgoing)
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    unsafe SSL_set_connect_state(ssl)
    unsafe self.ssl = ssl
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
    let isAddress = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
    ERR_clear_error()
    if !isAddress {
      guard unsafe SSL_set1_host(ssl, host) == 1, unsafe turnout_SSL_set_tlsext_host_name(ssl, host) == 1
      else { throw TrustFailure(after: "set the host name") }
    }
  }

  deinit {
    unsafe SSL_free(ssl)
  }

  /// Takes ciphertext that came from the peer.
  package func receive(_ ciphertext: ByteView) {
    let count = unsafe BIO_write(incoming, ciphertext.start, Int32(ciphertext.count))
    precondition(Int(count) == ciphertext.count)
  }

  /// Ciphertext for the peer; nothing when there is none.
  package func takeOutgoing() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: unsafe turnout_BIO_pending(outgoing))
    guard !bytes.isEmpty else { return [] }
    let count = unsafe BIO_read(outgoing, &bytes, Int32(bytes.count))
    precondition(Int(count) == bytes.count)
    return bytes
  }

  /// Goes on with the handshake; true once it is done.
  package func handshake() throws(TrustFailure) -> Bool {
    ERR_clear_error()
    let code = unsafe SSL_do_handshake(ssl)
    if code == 1 { return true }
    try check(code, "TLS handshake")
    return false
  }

  /// Encrypts `plaintext`, after the handshake.
  package func send(_ plaintext: ByteView) throws(TrustFailure) {
    ERR_clear_error()
    let code = unsafe SSL_write(ssl, plaintext.start, Int32(plaintext.count))
    guard Int(code) == plaintext.count else { throw TrustFailure(after: "SSL_write") }
  }

  /// Decrypts what came into `region`: the number of bytes; 0 when more must come first; nil at the end.
  package func read(into region: ByteRegion) throws(TrustFailure) -> Int? {
    guard region.count > 0 else { return 0 }
    ERR_clear_error()
    let code = unsafe SSL_read(ssl, region.start, Int32(min(region.count, 1 << 30)))
    if code > 0 { return Int(code) }
    if unsafe SSL_get_error(ssl, code) == SSL_ERROR_ZERO_RETURN { return nil }
    try check(code, "SSL_read")
    return 0
  }

  private func check(_ code: Int32, _ call: String) throws(TrustFailure) {
    switch unsafe SSL_get_error(ssl, code) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
    default:
      let verdict = unsafe SSL_get_verify_result(ssl)
      guard verdict == Int(X509_V_OK) else {
        ERR_clear_error()
        let reason = unsafe X509_verify_cert_error_string(verdict).map { unsafe String(cString: $0) }
        throw TrustFailure("\(call): the certificate was refused: \(reason ?? "unknown reason")")
      }
      throw TrustFailure(after: call)
    }
  }
}
