// Who we are, for either side of TLS: a certificate's chain and its private key, from PEM files.

internal import COpenSSL

enum TLSCertificate {
  /// Has connections of `context` show the certificate; the key may stand in the certificate's file.
  static func use(_ certificate: String, key: String?, in context: OpaquePointer) throws(TrustFailure) {
    // A key with a pass phrase is refused, not asked about on a terminal.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in -1 }
    guard unsafe SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
      throw TrustFailure(after: "read the certificate in \(certificate)")
    }
    let key = key ?? certificate
    guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
      throw TrustFailure(after: "read the private key in \(key)")
    }
  }
}
