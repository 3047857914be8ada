#include "tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static const unsigned char alpn[] = "\x0aringgate/1";
enum { ALPN_BYTES = sizeof alpn - 1 };

void tls_report(const char *what) {
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                       const unsigned char *offered, unsigned int offered_length, void *unused) {
    (void)ssl;
    (void)unused;
    unsigned char *chosen = NULL;
    int outcome = SSL_select_next_proto(&chosen, out_length, alpn, ALPN_BYTES, offered, offered_length);
    *out = chosen;
    return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *context_with(const SSL_METHOD *method, const struct tls_files *files) {
    SSL_CTX *context = SSL_CTX_new(method);
    if (context == NULL) return NULL;
    bool ready = SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1
        && SSL_CTX_use_certificate_chain_file(context, files->certificate) == 1
        && SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) == 1
        && SSL_CTX_check_private_key(context) == 1
        && SSL_CTX_load_verify_locations(context, files->authority, NULL) == 1;
    if (!ready) {
        tls_report("cannot load the certificate, its key or the authority");
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    /* Without it every record costs two reads of the BIO: its five header bytes, then the rest. */
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

SSL_CTX *tls_server_context(const struct tls_files *files) {
    SSL_CTX *context = context_with(TLS_server_method(), files);
    if (context == NULL) return NULL;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->authority);
    if (names != NULL) SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    return context;
}

SSL_CTX *tls_client_context(const struct tls_files *files) {
    SSL_CTX *context = context_with(TLS_client_method(), files);
    if (context == NULL) return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(context, alpn, ALPN_BYTES);
    return context;
}

bool channel_open(struct channel *channel, SSL_CTX *context, enum channel_role role, const char *address) {
    memset(channel, 0, sizeof *channel);
    SSL *ssl = SSL_new(context);
    BIO *received = BIO_new(BIO_s_mem());
    BIO *to_send = BIO_new(BIO_s_mem());
    if (ssl == NULL || received == NULL || to_send == NULL) {
        SSL_free(ssl);
        BIO_free(received);
        BIO_free(to_send);
        return false;
    }
    SSL_set_bio(ssl, received, to_send);
    *channel = (struct channel){.ssl = ssl, .received = received, .to_send = to_send};
    if (role == CHANNEL_SERVER) {
        SSL_set_accept_state(ssl);
        return true;
    }
    SSL_set_connect_state(ssl);
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address) == 1;
}

void channel_close(struct channel *channel) {
    SSL_free(channel->ssl);
    memset(channel, 0, sizeof *channel);
}

enum channel_state channel_read(struct channel *channel, uint8_t *into, size_t room, size_t *count) {
    int wanted = room > INT_MAX ? INT_MAX : (int)room;
    /* SSL_get_error looks at the thread's queue, where another connection's error would read as ours. */
    ERR_clear_error();
    int got = SSL_read(channel->ssl, into, wanted);
    if (got > 0) {
        *count = (size_t)got;
        return CHANNEL_DATA;
    }
    switch (SSL_get_error(channel->ssl, got)) {
    case SSL_ERROR_WANT_READ: return CHANNEL_WAIT;
    case SSL_ERROR_ZERO_RETURN: return CHANNEL_END;
    default: return CHANNEL_FAILED;
    }
}

bool channel_write(struct channel *channel, const uint8_t *bytes, size_t count) {
    if (count > INT_MAX) return false;
    ERR_clear_error();
    return SSL_write(channel->ssl, bytes, (int)count) == (int)count;
}
