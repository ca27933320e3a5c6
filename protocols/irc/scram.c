/* scram: SCRAM-SHA-256, the client's side. */
#include "protocols/irc/scram.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "bridge/base/arena.h"
#include "bridge/base/secret.h"

enum {
	HASH = 32,
	WORDS_MOST = 256,               /* bytes of account, and of password */
	NONCE = 18,                     /* random bytes: 24 letters */
	MESSAGE_MOST = 2048,
	SALT_MOST = 256,
	ROUNDS_LEAST = 4096,            /* RFC 7677, section 4: fewer would make what we send easy to guess from */
	ROUNDS_MOST = 500000,           /* a server may not keep us busy for long */
	ROUNDS_AT_ONCE = 1000,
};

static const char gs2_header[] = "n,,", gs2_base64[] = "biws";

struct scram {
	char password[WORDS_MOST + 1];
	char nonce[64];
	char first[MESSAGE_MOST];       /* client-first-message */
	char asked[MESSAGE_MOST];       /* server-first-message */
	char without_proof[MESSAGE_MOST];
	char final[MESSAGE_MOST + 2 * HASH + 8];
	unsigned char last[HASH], salted[HASH], server_signature[HASH];
	long rounds, done;
	EVP_MAC_CTX *mac;               /* keyed with the password, while it works */
};

/* -- HMAC ------------------------------------------------------------------------------------------------------------- */

static EVP_MAC_CTX *
mac_new(const void *key, size_t length)
{
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", (char[]){ "SHA256" }, 0), OSSL_PARAM_construct_end() };
	EVP_MAC *mac = memory_got(EVP_MAC_fetch(NULL, "HMAC", NULL));
	EVP_MAC_CTX *context = memory_got(EVP_MAC_CTX_new(mac));

	EVP_MAC_free(mac);
	if (EVP_MAC_init(context, key, length, params) == 1)
		return context;
	EVP_MAC_CTX_free(context);
	return memory_got(NULL);
}

/* The same key again: the context keeps it. */
static void
mac_of(EVP_MAC_CTX *context, const void *bytes, size_t length, unsigned char out[HASH])
{
	size_t size = 0;

	if (EVP_MAC_init(context, NULL, 0, NULL) != 1 || EVP_MAC_update(context, bytes, length) != 1 || EVP_MAC_final(context, out, &size, HASH) != 1)
		memory_got(NULL);
}

static void
hmac(const unsigned char key[HASH], const void *bytes, size_t length, unsigned char out[HASH])
{
	EVP_MAC_CTX *context = mac_new(key, HASH);

	mac_of(context, bytes, length, out);
	EVP_MAC_CTX_free(context);
}

static void
base64(const unsigned char *bytes, size_t length, char *out)
{
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
}

/* Its length, or -1 where it is no base64, or more than `most` bytes. */
static int
from_base64(const char *text, size_t length, unsigned char *out, size_t most)
{
	size_t padding = 0;

	if (!length || length % 4 || length / 4 * 3 > most)
		return -1;
	while (padding < 2 && text[length - 1 - padding] == '=')
		padding++;
	int whole = EVP_DecodeBlock(out, (const unsigned char *)text, (int)length);
	return whole < 0 ? -1 : whole - (int)padding;
}

/* -- What we say first ------------------------------------------------------------------------------------------------ */

static bool
is_plain(const char *words)
{
	size_t length = strlen(words);

	for (size_t i = 0; i < length; i++)
		if (words[i] < ' ' || words[i] > '~')
			return false;
	return length > 0 && length <= WORDS_MOST;
}

/* A saslname: "," and "=" stand for something in these messages. */
static void
escape(const char *account, char *out)
{
	for (; *account; account++) {
		if (*account == ',' || *account == '=')
			out += sprintf(out, "%s", *account == ',' ? "=2C" : "=3D");
		else
			*out++ = *account;
	}
	*out = '\0';
}

static bool
draw_nonce(char *out)
{
	unsigned char bytes[NONCE];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	base64(bytes, sizeof bytes, out);
	return true;
}

struct scram *
scram_new(const char *account, const char *password, const char *nonce, struct error *error)
{
	char name[3 * WORDS_MOST + 1];

	if (!is_plain(account) || !is_plain(password)) {
		error_set(error, "The account or its password has letters that SCRAM cannot be sure of; give it a password of ASCII letters, or use sasl = \"plain\".");
		return NULL;
	}
	struct scram *scram = memory_take(sizeof *scram);
	if (nonce)
		snprintf(scram->nonce, sizeof scram->nonce, "%s", nonce);
	else if (!draw_nonce(scram->nonce)) {
		scram_free(scram);
		error_set(error, "OpenSSL has no random numbers.");
		return NULL;
	}
	strcpy(scram->password, password);
	escape(account, name);
	snprintf(scram->first, sizeof scram->first, "%sn=%s,r=%s", gs2_header, name, scram->nonce);
	return scram;
}

void
scram_free(struct scram *scram)
{
	if (!scram)
		return;
	EVP_MAC_CTX_free(scram->mac);
	secret_wipe(scram, sizeof *scram);
	free(scram);
}

const char *
scram_first(const struct scram *scram)
{
	return scram->first;
}

/* -- What we are asked ------------------------------------------------------------------------------------------------ */

/* "r=...,s=...,i=...": the next attribute must be that one; its value's length, and on to the next. False where it is not. */
static bool
attribute(const char **at, char name, const char **value, size_t *length)
{
	if ((*at)[0] != name || (*at)[1] != '=')
		return false;
	*value = *at + 2;
	*length = strcspn(*value, ",");
	*at = *value + *length;
	*at += **at == ',';
	return *length > 0;
}

static bool
read_rounds(const char *digits, size_t length, long *out)
{
	*out = 0;
	for (size_t i = 0; i < length; i++) {
		if (digits[i] < '0' || digits[i] > '9' || *out > ROUNDS_MOST)
			return false;
		*out = 10 * *out + (digits[i] - '0');
	}
	return true;
}

/* Hi() of RFC 5802, section 2.2: its first round. */
static void
begin_work(struct scram *scram, unsigned char *salt, size_t length)
{
	memcpy(salt + length, "\0\0\0\1", 4);
	scram->mac = mac_new(scram->password, strlen(scram->password));
	mac_of(scram->mac, salt, length + 4, scram->last);
	memcpy(scram->salted, scram->last, HASH);
	scram->done = 1;
}

bool
scram_challenge(struct scram *scram, const char *message, struct error *error)
{
	unsigned char salt[SALT_MOST + 4];
	const char *at = message, *nonce, *salt_text, *rounds;
	size_t nonce_length, salt_length, rounds_length, ours = strlen(scram->nonce);

	if (strlen(message) >= sizeof scram->asked || !attribute(&at, 'r', &nonce, &nonce_length) || !attribute(&at, 's', &salt_text, &salt_length)
		|| !attribute(&at, 'i', &rounds, &rounds_length) || !read_rounds(rounds, rounds_length, &scram->rounds))
		return error_set(error, "The server's part of the SCRAM login could not be read.");
	if (nonce_length <= ours || nonce_length > MESSAGE_MOST / 4 || memcmp(nonce, scram->nonce, ours))
		return error_set(error, "The server answered another login than mine.");
	if (scram->rounds < ROUNDS_LEAST || scram->rounds > ROUNDS_MOST)
		return error_set(error, "The server asks for %ld rounds of SCRAM; between %d and %d are reasonable.", scram->rounds, ROUNDS_LEAST, ROUNDS_MOST);
	int length = from_base64(salt_text, salt_length, salt, SALT_MOST);
	if (length <= 0)
		return error_set(error, "The server's part of the SCRAM login could not be read.");
	strcpy(scram->asked, message);
	snprintf(scram->without_proof, sizeof scram->without_proof, "c=%s,r=%.*s", gs2_base64, (int)nonce_length, nonce);
	begin_work(scram, salt, (size_t)length);
	return true;
}

/* RFC 5802, section 3: what proves us, and what the server will prove itself by. */
static void
prove(struct scram *scram)
{
	unsigned char client_key[HASH], stored_key[HASH], server_key[HASH], proof[HASH];
	char all[3 * MESSAGE_MOST], proof_text[HASH * 2];
	size_t length = (size_t)snprintf(all, sizeof all, "%s,%s,%s", scram->first + strlen(gs2_header), scram->asked, scram->without_proof);

	hmac(scram->salted, "Client Key", strlen("Client Key"), client_key);
	EVP_Digest(client_key, HASH, stored_key, NULL, EVP_sha256(), NULL);
	hmac(stored_key, all, length, proof);
	for (size_t i = 0; i < HASH; i++)
		proof[i] ^= client_key[i];
	hmac(scram->salted, "Server Key", strlen("Server Key"), server_key);
	hmac(server_key, all, length, scram->server_signature);
	base64(proof, HASH, proof_text);
	snprintf(scram->final, sizeof scram->final, "%s,p=%s", scram->without_proof, proof_text);
	secret_wipe(client_key, sizeof client_key);
	secret_wipe(server_key, sizeof server_key);
}

bool
scram_work(struct scram *scram)
{
	for (int i = 0; i < ROUNDS_AT_ONCE && scram->done < scram->rounds; i++, scram->done++) {
		mac_of(scram->mac, scram->last, HASH, scram->last);
		for (size_t byte = 0; byte < HASH; byte++)
			scram->salted[byte] ^= scram->last[byte];
	}
	if (scram->done < scram->rounds)
		return false;
	EVP_MAC_CTX_free(scram->mac);
	scram->mac = NULL;
	prove(scram);
	return true;
}

const char *
scram_final(const struct scram *scram)
{
	return scram->final;
}

bool
scram_verify(const struct scram *scram, const char *message, struct error *error)
{
	unsigned char signature[HASH + 4];

	if (!strncmp(message, "e=", 2))
		return error_set(error, "The server refused the account and its password; is password_file right?");
	if (strncmp(message, "v=", 2) || !*scram->final || from_base64(message + 2, strcspn(message + 2, ","), signature, sizeof signature) != HASH
		|| CRYPTO_memcmp(signature, scram->server_signature, HASH))
		return error_set(error, "The server did not prove that it knows the password, so it may not be who it says it is.");
	return true;
}
