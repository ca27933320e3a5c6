/* wire_tls: TLS to a server whose certificate must be in order. */
#include "protocols/irc/wire_tls.h"

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "bridge/base/error.h"

static bool
is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static SSL_CTX *
new_context(const char *ca_file, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context) {
		error_set(error, "OpenSSL could not be started.");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	bool fine = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1 : SSL_CTX_set_default_verify_paths(context) == 1;
	if (fine)
		return context;
	ERR_clear_error();
	SSL_CTX_free(context);
	error_set(error, "No certificates could be read from %s, so the server cannot be verified.", ca_file ? ca_file : "the system's store");
	return NULL;
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
wire_tls_new(const char *host, const char *ca_file, struct error *error)
{
	SSL_CTX *context = new_context(ca_file, error);
	SSL *ssl = context ? SSL_new(context) : NULL;

	SSL_CTX_free(context);          /* the SSL holds it now */
	if (ssl && expect_host(ssl, host))
		return ssl;
	if (context)
		error_set(error, "OpenSSL could not be told to verify %s.", host);
	SSL_free(ssl);
	return NULL;
}

bool
wire_tls_verified(const SSL *ssl)
{
	return SSL_get0_peer_certificate(ssl) && SSL_get_verify_result(ssl) == X509_V_OK;
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
