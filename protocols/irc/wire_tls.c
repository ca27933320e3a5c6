/* wire_tls: TLS to a server whose certificate must be in order. */
#include "protocols/irc/wire_tls.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "protocols/irc/irc_settings.h"

enum { PIN_HASH = 32, PIN_TEXT = 8 + 44 };       /* "sha256//" and the base64 of a hash */

/* Nobody is there to be asked. */
static int
no_passphrase(char *out, int size, int writing, void *with)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)with;
	return -1;
}

static bool
is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The key's file was read as a secret: it is not read again. */
static bool
use_key(SSL_CTX *context, const struct secret *key)
{
	BIO *bytes = BIO_new_mem_buf(key->bytes, (int)key->length);
	EVP_PKEY *read = bytes ? PEM_read_bio_PrivateKey(bytes, NULL, no_passphrase, NULL) : NULL;
	bool used = read && SSL_CTX_use_PrivateKey(context, read) == 1;

	EVP_PKEY_free(read);
	BIO_free(bytes);
	return used;
}

static bool
use_certificate(SSL_CTX *context, const struct irc *irc, struct error *error)
{
	bool fine = true;

	if (SSL_CTX_use_certificate_chain_file(context, irc->certificate_file) != 1)
		fine = error_set(error, "certificate_file %s holds no certificate in PEM.", irc->certificate_file);
	else if (!use_key(context, irc->key))
		fine = error_set(error, "key_file %s holds no private key in PEM that goes with %s; a key with a passphrase cannot be used.", irc->key->path,
			irc->certificate_file);
	ERR_clear_error();
	return fine;
}

static bool
use_authorities(SSL_CTX *context, const char *ca_file, struct error *error)
{
	if (ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1 : SSL_CTX_set_default_verify_paths(context) == 1)
		return true;
	ERR_clear_error();
	return error_set(error, "No certificates could be read from %s, so the server cannot be verified.", ca_file ? ca_file : "the system's store");
}

static SSL_CTX *
new_context(const struct irc *irc, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context) {
		error_set(error, "OpenSSL could not be started.");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (use_authorities(context, irc->ca_file, error) && (!irc->certificate_file || !irc->key || use_certificate(context, irc, error)))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

bool
wire_tls_certificate(const struct irc *irc, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	bool fine = context ? use_certificate(context, irc, error) : error_set(error, "OpenSSL could not be started.");

	SSL_CTX_free(context);
	return fine;
}

/* A certificate names hosts or addresses; only hosts are told to the server before the handshake. */
static bool
expect_host(SSL *ssl, const char *host)
{
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

SSL *
wire_tls_new(const char *host, const struct irc *irc, struct error *error)
{
	SSL_CTX *context = new_context(irc, error);
	SSL *ssl = context ? SSL_new(context) : NULL;

	SSL_CTX_free(context);          /* the SSL holds it now */
	if (ssl && expect_host(ssl, host))
		return ssl;
	if (context)
		error_set(error, "OpenSSL could not be told to verify %s.", host);
	SSL_free(ssl);
	return NULL;
}

/* -- Pins -------------------------------------------------------------------------------------------------------------- */

bool
wire_tls_is_pin(const char *pin)
{
	unsigned char hash[PIN_TEXT];

	return !strncmp(pin, "sha256//", 8) && strlen(pin) == PIN_TEXT && pin[PIN_TEXT - 1] == '='
		&& EVP_DecodeBlock(hash, (const unsigned char *)pin + 8, PIN_TEXT - 8) == PIN_HASH + 1;
}

/* The SHA-256 of its SubjectPublicKeyInfo (RFC 7469, section 2.4). */
static bool
pin_of(const X509 *certificate, char out[PIN_TEXT + 1])
{
	unsigned char *key = NULL, hash[PIN_HASH];
	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
	bool fine = length > 0 && EVP_Digest(key, (size_t)length, hash, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(key);
	strcpy(out, "sha256//");
	if (fine)
		EVP_EncodeBlock((unsigned char *)out + 8, hash, PIN_HASH);
	return fine;
}

static bool
is_pinned(const SSL *ssl, const char *host, const struct irc *irc, struct error *error)
{
	char seen[PIN_TEXT + 1];

	if (!pin_of(SSL_get0_peer_certificate(ssl), seen))
		return error_set(error, "The public key of %s could not be read; nothing was said to it.", host);
	for (size_t i = 0; i < irc->pins.count; i++)
		if (!strcmp(irc->pins.each[i], seen))
			return true;
	return irc->pins.count == 0 || error_set(error, "The public key of %s is %s, which is none of pin; nothing was said to it. If the server has a new key, "
		"put that there.", host, seen);
}

bool
wire_tls_verified(const SSL *ssl, const char *host, const struct irc *irc, struct error *error)
{
	if (!SSL_get0_peer_certificate(ssl) || SSL_get_verify_result(ssl) != X509_V_OK)
		return wire_tls_why(ssl, host, 0, error);
	return is_pinned(ssl, host, irc, error);
}

bool
wire_tls_why(const SSL *ssl, const char *host, unsigned long reason, struct error *error)
{
	long result = SSL_get_verify_result(ssl);
	const char *said = reason ? ERR_reason_error_string(reason) : NULL;

	if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return error_set(error, "The certificate of %s is for another host; nothing was said to it.", host);
	if (result != X509_V_OK)
		return error_set(error, "The certificate of %s is not to be trusted (%s); nothing was said to it. Its authority goes into ca_file.",
			host, X509_verify_cert_error_string(result));
	return error_set(error, "TLS with %s failed (%s).", host, said ? said : "it hung up");
}
