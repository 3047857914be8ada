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
#include <time.h>

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

/* Seconds since 1970; the least number for a time that cannot be read. */
static inline int64_t rg_seconds(const ASN1_TIME *time) {
	struct tm parts;
	return time && ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : INT64_MIN;
}

/* Reads revocation lists from PEM, which from then on are asked about every certificate of a chain (RFC 5280, 6.3). The
 * number of lists; 0 when there is none, or one is ill-formed. */
static inline int rg_ctx_load_lists(SSL_CTX *context, const char *path) {
	X509_LOOKUP *lookup = X509_STORE_add_lookup(SSL_CTX_get_cert_store(context), X509_LOOKUP_file());
	int count = lookup ? X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) : 0;
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return count;
}

/* When the first of the lists that speak for `authority` and bear its signature is due again; INT64_MIN when there is none. */
static inline int64_t rg_list_due(const STACK_OF(X509_OBJECT) *objects, const X509 *authority) {
	int64_t due = INT64_MIN;
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
		if (!list || X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) != 0) continue;
		if (X509_CRL_verify(list, X509_get0_pubkey(authority)) != 1) continue;
		int64_t next = rg_seconds(X509_CRL_get0_nextUpdate(list));
		if (due == INT64_MIN || next < due) due = next;
	}
	return due;
}

/* When the first list is due again, each authority having one. Else INT64_MIN, with the name of one that has none or none
 * that says when it is due, up to `capacity` bytes of it. */
static inline int64_t rg_ctx_lists_due(const SSL_CTX *context, char *name, int capacity) {
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
	int64_t due = INT64_MAX;
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
		if (!authority) continue;
		int64_t next = rg_list_due(objects, authority);
		if (next == INT64_MIN) {
			X509_NAME_oneline(X509_get_subject_name(authority), name, capacity);
			return INT64_MIN;
		}
		if (next < due) due = next;
	}
	return due;
}

/* Lets a list pass that is due again, and nothing else. */
static inline int rg_accept_overdue_lists(int isGood, X509_STORE_CTX *verification) {
	if (isGood || X509_STORE_CTX_get_error(verification) != X509_V_ERR_CRL_HAS_EXPIRED) return isGood;
	X509_STORE_CTX_set_error(verification, X509_V_OK);
	return 1;
}

static inline void rg_ctx_require_client(SSL_CTX *context, int acceptsOverdueLists) {
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		acceptsOverdueLists ? rg_accept_overdue_lists : NULL);
}

/* When the first certificate of a chain ends. */
static inline int64_t rg_chain_end(const STACK_OF(X509) *chain) {
	int64_t end = INT64_MAX;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		int64_t one = rg_seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
		if (one < end) end = one;
	}
	return end;
}

/* When the first certificate in a PEM file ends, or with `areLists` the first list is due again; INT64_MAX for none. */
static inline int64_t rg_file_end(const char *path, int areLists) {
	BIO *file = BIO_new_file(path, "r");
	STACK_OF(X509_INFO) *found = file ? PEM_X509_INFO_read_bio(file, NULL, NULL, NULL) : NULL;
	int64_t end = INT64_MAX;
	for (int i = 0; i < sk_X509_INFO_num(found); i++) {
		X509_INFO *one = sk_X509_INFO_value(found, i);
		const ASN1_TIME *time = NULL;
		if (areLists && one->crl) time = X509_CRL_get0_nextUpdate(one->crl);
		if (!areLists && one->x509) time = X509_get0_notAfter(one->x509);
		int64_t seconds = time ? rg_seconds(time) : INT64_MAX;
		if (seconds < end) end = seconds;
	}
	sk_X509_INFO_pop_free(found, X509_INFO_free);
	BIO_free(file);
	ERR_clear_error();
	return end;
}

/* The certificates that the peer sent beside its own, held for the caller; NULL for none. */
static inline STACK_OF(X509) *rg_peer_chain(const SSL *ssl) {
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	return chain ? X509_chain_up_ref(chain) : NULL;
}

static inline void rg_chain_free(STACK_OF(X509) *chain) { sk_X509_pop_free(chain, X509_free); }

/* Judges a client's certificate as a handshake now would. X509_V_OK and the end of the chain, or the X509_V_ERR. */
static inline int rg_ctx_judge(SSL_CTX *context, X509 *certificate, STACK_OF(X509) *chain, int64_t *end) {
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	if (verification && X509_STORE_CTX_init(verification, SSL_CTX_get_cert_store(context), certificate, chain) == 1 &&
	    X509_STORE_CTX_set_default(verification, "ssl_client") == 1 &&
	    X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(verification), SSL_CTX_get0_param(context)) == 1) {
		SSL_verify_cb callback = SSL_CTX_get_verify_callback(context);
		if (callback) X509_STORE_CTX_set_verify_cb(verification, callback);
		int isGood = X509_verify_cert(verification) == 1;
		error = isGood ? X509_V_OK : X509_STORE_CTX_get_error(verification);
		if (!isGood && error == X509_V_OK) error = X509_V_ERR_UNSPECIFIED;
		if (isGood) *end = rg_chain_end(X509_STORE_CTX_get0_chain(verification));
	}
	X509_STORE_CTX_free(verification);
	ERR_clear_error();
	return error;
}

/* Whether it could sign other certificates, or says so. */
static inline int rg_is_authority(X509 *certificate) {
	return X509_check_ca(certificate) != 0 || (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
}

/* The serial number in lower hexadecimal digits, two a byte, without a terminator; the number of digits, which may be more
 * than `capacity`. */
static inline int rg_serial(const X509 *certificate, uint8_t *buffer, int capacity) {
	static const char digits[] = "0123456789abcdef";
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	const unsigned char *bytes = ASN1_STRING_get0_data(serial);
	int count = ASN1_STRING_length(serial);
	for (int i = 0; i < count && 2 * i + 1 < capacity; i++) {
		buffer[2 * i] = (uint8_t)digits[bytes[i] >> 4];
		buffer[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
	}
	return 2 * count;
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
