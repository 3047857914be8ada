/* What Swift cannot import from OpenSSL 3 by itself: macros and typed stacks. Nothing else. */
#ifndef RINGGATE_COPENSSL_SHIM_H
#define RINGGATE_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

static inline int rg_ctx_require_tls13(SSL_CTX *context) {
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}

/* Groups for the key exchange. The default list goes up to ffdhe8192, which costs the server 90 ms a hello. */
static inline int rg_ctx_set_groups(SSL_CTX *context) {
	return SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

/* Whether the gateway's own certificate is within its dates and good for servers: 0, or what is wrong. */
static inline const char *rg_ctx_certificate_flaw(const SSL_CTX *context) {
	X509 *certificate = SSL_CTX_get0_certificate(context);
	if (!certificate) return "no certificate";
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) return "the certificate has expired";
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) return "the certificate is not valid yet";
	if (X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return "the certificate is not for servers (extended key usage serverAuth)";
	return 0;
}

/* Whether every certificate that clients may chain to is a CA's. */
static inline int rg_ctx_trusts_only_authorities(const SSL_CTX *context) {
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		if (certificate && X509_check_ca(certificate) < 1) return 0;
	}
	return 1;
}

static inline int rg_ctx_limit_version(SSL_CTX *context, int greatest) {
	return SSL_CTX_set_max_proto_version(context, greatest) == 1;
}

/* A write may be repeated from another address; a read takes what is there in one piece. Not
 * SSL_MODE_RELEASE_BUFFERS: it allocates both record buffers anew for each record. */
static inline void rg_ctx_set_modes(SSL_CTX *context) {
	SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

/* Gives the record buffers back until they are needed (SSL_free_buffers(3)), but those that hold part of a record.
 * Versions before 3.0.14, 3.1.6, 3.2.2 and 3.3.1 free the latter, too (CVE-2024-4741); with them nothing happens. */
static inline void rg_free_buffers(SSL *ssl) {
	static const unsigned int fixed[] = {14, 6, 2, 1};
	unsigned int minor = OPENSSL_version_minor();
	if (OPENSSL_version_major() == 3 && minor < 4 && OPENSSL_version_patch() < fixed[minor]) return;
	SSL_free_buffers(ssl);
}

static inline void rg_ctx_set_strict(SSL_CTX *context) {
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_X509_STRICT);
}

/* An empty memory BIO that says "try again" rather than "end of file" when it has no bytes. */
static inline BIO *rg_memory_bio(void) {
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio) BIO_set_mem_eof_return(bio, -1);
	return bio;
}

/* The count of URIs in the certificate's subject alternative name; -1 when the extension cannot be parsed
 * or occurs more than once. */
static inline int rg_uri_count(const X509 *certificate) {
	int critical = -1, count = 0;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
	if (!names) return critical == -1 ? 0 : -1;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		count += sk_GENERAL_NAME_value(names, i)->type == GEN_URI;
	GENERAL_NAMES_free(names);
	return count;
}

/* Copies the first URI, up to `capacity` bytes; the result is its full length, which may be more. */
static inline int rg_first_uri(const X509 *certificate, uint8_t *buffer, int capacity) {
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int length = 0;
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI) continue;
		length = ASN1_STRING_length(name->d.uniformResourceIdentifier);
		memcpy(buffer, ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
			(size_t)(length < capacity ? length : capacity));
		break;
	}
	GENERAL_NAMES_free(names);
	return length;
}

/* SHA-256 over the DER of the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7); 1 on success. */
static inline int rg_key_hash(const X509 *certificate, uint8_t hash[32]) {
	unsigned char *der = NULL;
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	if (length <= 0) return 0;
	unsigned int size = 32;
	int done = EVP_Digest(der, (size_t)length, hash, &size, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return done == 1 && size == 32;
}

/* The length of the subject's common name in UTF-8, copied up to `capacity`; -1 unless there is exactly one. */
static inline int rg_common_name(const X509 *certificate, uint8_t *buffer, int capacity) {
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return -1;
	unsigned char *text = NULL;
	int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
	if (length >= 0) memcpy(buffer, text, (size_t)(length < capacity ? length : capacity));
	OPENSSL_free(text);
	return length;
}

/* The length of the issuer's name as RFC 2253 text, copied up to `capacity`. */
static inline int rg_issuer(const X509 *certificate, uint8_t *buffer, int capacity) {
	BIO *bio = BIO_new(BIO_s_mem());
	if (!bio) return 0;
	X509_NAME_print_ex(bio, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	int length = BIO_pending(bio);
	BIO_read(bio, buffer, capacity);
	BIO_free(bio);
	return length;
}

static inline int rg_sha256(const void *bytes, size_t count, uint8_t hash[32]) {
	unsigned int size = 32;
	return EVP_Digest(bytes, count, hash, &size, EVP_sha256(), NULL);
}

#endif
