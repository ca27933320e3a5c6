/* seal: small secrets that we must keep ourselves, encrypted: AES-256-GCM, with a key that is in a file and never in the store. */
#include "bridge/rights/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"

enum { VERSION = 1, NONCE = 12, TAG = 16 };

struct seal { unsigned char key[SEAL_KEY]; };

/* -- The section ------------------------------------------------------------------------------------------------------ */

static const struct setting settings[] = {
	SETTING(seal_settings, key, TYPE_SECRET, NULL, "The key of the secrets that are kept, as 64 hexadecimal digits; one made at the first start, beside the store, where none is named."),
	{ "where", TYPE_WHERE, offsetof(struct seal_settings, where), NULL, NULL, NULL },
	{ 0 }
};

const struct shape seal_shape = {
	"secrets", sizeof(struct seal_settings), settings, "The secrets that are kept in the store, encrypted: those of the one-time codes.", true
};

static bool
read_key(const struct secret *secret, unsigned char key[SEAL_KEY], struct error *error)
{
	size_t length = 0;
	unsigned char *bytes = secret->length == 2 * SEAL_KEY && strspn(secret->bytes, "0123456789abcdefABCDEF") == 2 * SEAL_KEY
		? memory_take(SEAL_KEY) : NULL;

	if (!bytes)
		return error_set(error, "%s is no key: that is 64 hexadecimal digits, as openssl rand -hex 32 prints them.", secret->path);
	if (OPENSSL_hexstr2buf_ex(bytes, SEAL_KEY, &length, secret->bytes, '\0') != 1 || length != SEAL_KEY)
		abort();
	memcpy(key, bytes, SEAL_KEY);
	secret_wipe(bytes, SEAL_KEY);
	free(bytes);
	return true;
}

void
seal_settings_check(struct conf *conf, const struct section *at, const struct seal_settings *written)
{
	unsigned char key[SEAL_KEY];
	struct error error;

	if (written->key && !read_key(written->key, key, &error))
		conf_mistake(conf, written->where, at, "%s", error.text);
	secret_wipe(key, sizeof key);
}

bool
seal_same(const struct secret *a, const struct secret *b)
{
	if (!a || !b)
		return a == b;
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

/* -- The key ---------------------------------------------------------------------------------------------------------- */

static bool
write_synced(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return false;
	bool fine = write(fd, bytes, length) == (ssize_t)length && fsync(fd) == 0;
	int why = errno;
	close(fd);
	errno = why;
	return fine;
}

static bool
sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return fine;
}

/* It has its name only once all of it is on the disk: a half-written key would lose what was sealed with it. */
static bool
make_key(struct arena *arena, const char *path, const char *state, struct error *error)
{
	const char *part = arena_printf(arena, "%s.part", path);
	unsigned char key[SEAL_KEY];
	char line[2 * SEAL_KEY + 2];

	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return error_set(error, "The system gives no random numbers.");
	for (size_t i = 0; i < SEAL_KEY; i++)
		snprintf(line + 2 * i, 3, "%02x", key[i]);
	line[2 * SEAL_KEY] = '\n';
	bool fine = write_synced(part, line, 2 * SEAL_KEY + 1) && rename(part, path) == 0 && sync_folder(state);
	secret_wipe(key, sizeof key);
	secret_wipe(line, sizeof line);
	if (!fine)
		return error_set(error, "%s, the key of the secrets that are kept, cannot be made: %s.", path, strerror(errno));
	log_info("%s was made: the key of the secrets that are kept. No backup has it: keep a copy where the backups are not.", path);
	return true;
}

static const struct secret *
state_key(struct arena *arena, const char *state, struct error *error)
{
	const char *path = arena_printf(arena, "%s/" SEAL_FILE, state);

	if (access(path, F_OK) != 0 && errno == ENOENT && !make_key(arena, path, state, error))
		return NULL;
	return secret_read(arena, path, state, error);
}

struct seal *
seal_open(const struct secret *key, const char *state, struct error *error)
{
	struct arena *arena = arena_new();
	struct seal *seal = memory_take(sizeof *seal);

	key = key ? key : state_key(arena, state, error);
	if (!key || !read_key(key, seal->key, error)) {
		seal_close(seal);
		seal = NULL;
	}
	arena_free(arena);
	return seal;
}

void
seal_close(struct seal *seal)
{
	if (!seal)
		return;
	secret_wipe(seal, sizeof *seal);
	free(seal);
}

/* -- Sealing ---------------------------------------------------------------------------------------------------------- */

static bool
begin(EVP_CIPHER_CTX *cipher, const struct seal *seal, const unsigned char *nonce, const char *purpose, int encrypt)
{
	int length;

	return EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, seal->key, nonce, encrypt) == 1
	    && EVP_CipherUpdate(cipher, NULL, &length, (const unsigned char *)purpose, (int)strlen(purpose)) == 1;
}

static EVP_CIPHER_CTX *
cipher_new(void)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();

	if (!cipher)
		abort();
	return cipher;
}

bool
seal_shut(const struct seal *seal, const char *purpose, const void *secret, size_t length, unsigned char *out, struct error *error)
{
	unsigned char *nonce = out + 1, *body = nonce + NONCE, *tag = body + length;
	int size;

	out[0] = VERSION;
	if (getrandom(nonce, NONCE, 0) != NONCE)
		return error_set(error, "The system gives no random numbers.");
	EVP_CIPHER_CTX *cipher = cipher_new();
	bool fine = begin(cipher, seal, nonce, purpose, 1) && EVP_CipherUpdate(cipher, body, &size, secret, (int)length) == 1
		&& EVP_CipherFinal_ex(cipher, body + size, &size) == 1 && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return fine || error_set(error, "The secret of %s could not be sealed: OpenSSL has no AES-256-GCM.", purpose);
}

bool
seal_break(const struct seal *seal, const char *purpose, const void *sealed, size_t size, void *out, size_t length, struct error *error)
{
	const unsigned char *bytes = sealed, *nonce = bytes + 1, *body = nonce + NONCE;
	unsigned char tag[TAG];
	int got = 0;

	if (size != length + SEAL_MORE || bytes[0] != VERSION)
		return error_set(error, "The secret of %s cannot be read: it was changed, or a newer version sealed it.", purpose);
	memcpy(tag, body + length, TAG);
	EVP_CIPHER_CTX *cipher = cipher_new();
	bool fine = begin(cipher, seal, nonce, purpose, 0) && EVP_CipherUpdate(cipher, out, &got, body, (int)length) == 1
		&& EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 && EVP_CipherFinal_ex(cipher, (unsigned char *)out + got, &got) == 1;
	EVP_CIPHER_CTX_free(cipher);
	if (fine)
		return true;
	secret_wipe(out, length);
	return error_set(error, "The secret of %s cannot be read: it was changed, or sealed with another key. Put the key back, or make the secret anew.", purpose);
}
