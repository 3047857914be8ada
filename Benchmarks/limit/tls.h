/* TLS 1.3 with certificates on both sides over memory BIOs: no socket is known here, so the server's ring
 * and the load generator's epoll loop use the same code. */
#ifndef RINGGATE_BENCH_TLS_H
#define RINGGATE_BENCH_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_files {
    const char *certificate;
    const char *key;
    const char *authority;
};

/* Both print the reason and return NULL when a file is missing or does not fit. */
SSL_CTX *tls_server_context(const struct tls_files *files);
SSL_CTX *tls_client_context(const struct tls_files *files);

struct channel {
    SSL *ssl;
    BIO *received; /* ciphertext from the network, owned by ssl */
    BIO *to_send;  /* ciphertext for the network, owned by ssl */
};

enum channel_role { CHANNEL_SERVER, CHANNEL_CLIENT };

/* A client's channel takes only a certificate that names `address`; a server's ignores it. */
bool channel_open(struct channel *channel, SSL_CTX *context, enum channel_role role, const char *address);
void channel_close(struct channel *channel);

enum channel_state { CHANNEL_DATA, CHANNEL_WAIT, CHANNEL_END, CHANNEL_FAILED };

/* Decrypts up to `room` bytes (greater than 0), carrying the handshake on when it is not done. */
enum channel_state channel_read(struct channel *channel, uint8_t *into, size_t room, size_t *count);

/* Encrypts all of `bytes`: memory BIOs grow, so nothing can be left over. */
bool channel_write(struct channel *channel, const uint8_t *bytes, size_t count);

/* Prints OpenSSL's error queue behind `what`. */
void tls_report(const char *what);

#endif
