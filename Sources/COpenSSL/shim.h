// OpenSSL for Swift: the library's macros, which Swift does not import, as functions.
#pragma once
// SHA256_CTX is the one form of SHA-256 that allocates nothing; OpenSSL 3 calls it old.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline long turnout_SSL_set_tlsext_host_name(SSL *ssl, const char *name) {
  return SSL_set_tlsext_host_name(ssl, name);
}
static inline long turnout_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version);
}
static inline size_t turnout_BIO_pending(BIO *bio) { return BIO_ctrl_pending(bio); }
static inline void turnout_BIO_set_empty_is_retry(BIO *bio) { BIO_set_mem_eof_return(bio, -1); }
static inline void turnout_SSL_CTX_release_buffers(SSL_CTX *context) {
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}
static inline long turnout_SSL_CTX_get_ticket_keys(SSL_CTX *context, void *keys, long count) {
  return SSL_CTX_get_tlsext_ticket_keys(context, keys, count);
}
static inline long turnout_SSL_CTX_set_ticket_keys(SSL_CTX *context, void *keys, long count) {
  return SSL_CTX_set_tlsext_ticket_keys(context, keys, count);
}
