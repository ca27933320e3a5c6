/* wire_tls: TLS to a server whose certificate must be in order: a known authority, this host's name, not expired, TLS 1.2 or newer. */
#ifndef SALLYPORT_PROTOCOLS_IRC_WIRE_TLS_H
#define SALLYPORT_PROTOCOLS_IRC_WIRE_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct error;
struct irc;

/* By the settings' ca_file (none: the system's authorities), and with their certificate, where there is one. NULL with a sentence where that
 * cannot be had. Free with SSL_free(). */
SSL *wire_tls_new(const char *host, const struct irc *, struct error *);
/* After the handshake: may anything be said? False with a sentence where the certificate is not in order, or its key is none of the pins. */
bool wire_tls_verified(const SSL *, const char *host, const struct irc *, struct error *);

bool wire_tls_certificate(const struct irc *, struct error *);  /* our own certificate and its key can be used, and fit */
bool wire_tls_is_pin(const char *);                     /* "sha256//...", as curl writes them */
/* Why the handshake or the connection failed; `reason` is what OpenSSL's queue said, 0 for nothing. Always false. */
bool wire_tls_why(const SSL *, const char *host, unsigned long reason, struct error *);

#endif
