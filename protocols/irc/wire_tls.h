/* wire_tls: TLS to a server whose certificate must be in order: a known authority, this host's name, not expired, TLS 1.2 or newer. */
#ifndef SALLYPORT_PROTOCOLS_IRC_WIRE_TLS_H
#define SALLYPORT_PROTOCOLS_IRC_WIRE_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct error;

/* ca_file NULL: the system's authorities. NULL with a sentence where that cannot be had. Free with SSL_free(). */
SSL *wire_tls_new(const char *host, const char *ca_file, struct error *);
bool wire_tls_verified(const SSL *);                    /* after the handshake: may anything be said? */
/* Why the handshake or the connection failed; `reason` is what OpenSSL's queue said, 0 for nothing. Always false. */
bool wire_tls_why(const SSL *, const char *host, unsigned long reason, struct error *);

#endif
