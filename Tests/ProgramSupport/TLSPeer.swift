// A TLS client without a socket that can also do what a polite one would not: stop anywhere, offer what it likes,
// take up old sessions, change keys, and say goodbye when it wants to.

import Bytes
internal import COpenSSL

package struct TLSPeerSettings {
  /// The PEM file with the only authority that is trusted.
  package var authority: String
  /// The name or address that the certificate must have.
  package var host = "localhost"
  package var isVersion12 = false
  package var offers: [String] = []
  package var takesTickets = true
  /// The certificate's PEM file and its key's.
  package var certificate: (String, String)?
  package var session: TLSPeer.Session?

  package init(authority: String) {
    self.authority = authority
  }
}

@safe package final class TLSPeer {
  private let context: OpaquePointer
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// What a later connection can take up.
  @safe package final class Session {
    fileprivate let session: OpaquePointer
    fileprivate init(_ session: OpaquePointer) { unsafe self.session = session }
    deinit { unsafe SSL_SESSION_free(session) }
  }

  package init(_ settings: TLSPeerSettings) throws {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else { throw Failure("SSL_CTX_new failed") }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    unsafe SSL_CTX_load_verify_locations(context, settings.authority, nil)
    if settings.isVersion12 {
      unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    }
    if !settings.takesTickets { unsafe SSL_CTX_set_options(context, 1 << 14) }
    if let (certificate, key) = settings.certificate {
      unsafe SSL_CTX_use_certificate_chain_file(context, certificate)
      unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM)
    }
    unsafe self.context = context
    unsafe ssl = SSL_new(context)
    unsafe incoming = BIO_new(BIO_s_mem())
    unsafe outgoing = BIO_new(BIO_s_mem())
    unsafe turnout_BIO_set_empty_is_retry(incoming)
    unsafe turnout_BIO_set_empty_is_retry(outgoing)
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    unsafe SSL_set_connect_state(ssl)
    unsafe SSL_set1_host(ssl, settings.host)
    let offered = settings.offers.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    if !offered.isEmpty { unsafe SSL_set_alpn_protos(ssl, offered, UInt32(offered.count)) }
    if let session = settings.session { unsafe SSL_set_session(ssl, session.session) }
    guard ERR_peek_error() == 0 else { throw failure("set up TLS") }
  }

  deinit {
    // Otherwise OpenSSL would not take the session up again.
    unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    unsafe SSL_free(ssl)
    unsafe SSL_CTX_free(context)
  }

  package func receive(_ ciphertext: [UInt8]) {
    unsafe BIO_write(incoming, ciphertext, Int32(ciphertext.count))
  }

  package func takeOutgoing() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: unsafe turnout_BIO_pending(outgoing))
    if !bytes.isEmpty { unsafe BIO_read(outgoing, &bytes, Int32(bytes.count)) }
    return bytes
  }

  /// Goes on with the handshake; true once it is done.
  package func handshake() throws -> Bool {
    ERR_clear_error()
    let code = unsafe SSL_do_handshake(ssl)
    if code == 1 { return true }
    try check(code, "the handshake")
    return false
  }

  package func send(_ plaintext: [UInt8]) throws {
    ERR_clear_error()
    guard unsafe SSL_write(ssl, plaintext, Int32(plaintext.count)) == plaintext.count else {
      throw failure("SSL_write")
    }
  }

  /// What came; nothing when more must come first; nil after a goodbye.
  package func read() throws -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16_384)
    ERR_clear_error()
    let code = unsafe SSL_read(ssl, &bytes, Int32(bytes.count))
    if code > 0 { return Array(bytes.prefix(Int(code))) }
    if unsafe SSL_get_error(ssl, code) == SSL_ERROR_ZERO_RETURN { return nil }
    try check(code, "reading")
    return []
  }

  /// Says that it will send no more.
  package func end() { unsafe SSL_shutdown(ssl) }

  /// Asks for new keys on both sides (TLS 1.3).
  package func updateKeys() {
    unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)
    unsafe SSL_do_handshake(ssl)
  }

  package var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  /// In TLS 1.3 it is there once something was read after the handshake.
  package var session: Session { unsafe Session(SSL_get1_session(ssl)) }

  package var version: String { unsafe String(cString: SSL_get_version(ssl)) }

  /// What was chosen of the offers; empty for nothing.
  package var chosen: String {
    var start: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &start, &count)
    return unsafe String(
      decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
  }

  /// The subject of the certificate that was shown.
  package var subject: String {
    guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return "" }
    defer { unsafe X509_free(certificate) }
    var text = [UInt8](repeating: 0, count: 256)
    unsafe text.withUnsafeMutableBytes { bytes in
      _ = unsafe X509_NAME_oneline(
        X509_get_subject_name(certificate), bytes.baseAddress!.assumingMemoryBound(to: CChar.self),
        Int32(bytes.count))
    }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  private func check(_ code: Int32, _ what: String) throws {
    switch unsafe SSL_get_error(ssl, code) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
    default: throw failure(what)
    }
  }

  private func failure(_ what: String) -> Failure {
    let code = ERR_get_error()
    ERR_clear_error()
    let reason = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
    return Failure("\(what) failed: \(reason ?? "unknown reason")")
  }
}
