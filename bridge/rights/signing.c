/* signing: Ed25519 keys: read, made, told apart by their id, and what they sign. */
#include "bridge/rights/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"

enum { PEM_MOST = 64 * 1024 };

struct signing_key {
	EVP_PKEY *pair;
	struct signing_public public;
};

/* Public keys. */

struct signing_public
signing_public(const unsigned char bytes[SIGNING_PUBLIC])
{
	struct signing_public key = { .id = "" };
	unsigned char digest[EVP_MAX_MD_SIZE];

	memcpy(key.bytes, bytes, SIGNING_PUBLIC);
	if (!EVP_Digest(bytes, SIGNING_PUBLIC, digest, NULL, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < SIGNING_ID / 2; i++)
		snprintf(key.id + 2 * i, 3, "%02x", digest[i]);
	return key;
}

static bool
public_of(const EVP_PKEY *pair, struct signing_public *out)
{
	unsigned char bytes[SIGNING_PUBLIC];
	size_t length = sizeof bytes;

	if (!pair || EVP_PKEY_get_base_id(pair) != EVP_PKEY_ED25519 || EVP_PKEY_get_raw_public_key(pair, bytes, &length) != 1)
		return false;
	*out = signing_public(bytes);
	return true;
}

static char *
taken(struct arena *arena, BIO *bio)
{
	char *bytes;
	long length = BIO_get_mem_data(bio, &bytes);
	char *text = arena_slice(arena, bytes, (size_t)length);

	BIO_free(bio);
	return text;
}

char *
signing_public_pem(struct arena *arena, const struct signing_public *key)
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, SIGNING_PUBLIC);
	BIO *bio = memory_got(BIO_new(BIO_s_mem()));

	if (!public || PEM_write_bio_PUBKEY(bio, public) != 1)
		abort();
	EVP_PKEY_free(public);
	return taken(arena, bio);
}

size_t
signing_read_public(const char *pem, size_t length, struct signing_public out[SIGNING_KEYS])
{
	BIO *bio = memory_got(BIO_new_mem_buf(pem, length < PEM_MOST ? (int)length : PEM_MOST));
	size_t count = 0;
	EVP_PKEY *public;

	while (count < SIGNING_KEYS && (public = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL))) {
		count += public_of(public, &out[count]);
		EVP_PKEY_free(public);
	}
	BIO_free(bio);
	ERR_clear_error();
	return count;
}

bool
signing_good(const struct signing_public *key, const void *bytes, size_t length, const unsigned char signature[SIGNATURE])
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, SIGNING_PUBLIC);
	EVP_MD_CTX *context = memory_got(EVP_MD_CTX_new());
	bool good = public && EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1
		&& EVP_DigestVerify(context, signature, SIGNATURE, bytes, length) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	ERR_clear_error();
	return good;
}

/* Keys that sign. */

static struct signing_key *
key_of(EVP_PKEY *pair)
{
	struct signing_key *key = memory_take(sizeof *key);

	key->pair = pair;
	if (public_of(pair, &key->public))
		return key;
	signing_free(key);
	return NULL;
}

static int
no_password(char *buffer, int size, int writing, void *with)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)with;
	return 0;
}

struct signing_key *
signing_read(const char *pem, size_t length, struct error *error)
{
	BIO *bio = memory_got(BIO_new_mem_buf(pem, length < PEM_MOST ? (int)length : PEM_MOST));
	EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	struct signing_key *key = pair ? key_of(pair) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		error_set(error, "it holds no private Ed25519 key; openssl genpkey -algorithm ed25519 makes one");
	return key;
}

struct signing_key *
signing_make(void)
{
	struct signing_key *key = key_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));

	if (!key)
		abort();
	return key;
}

void
signing_free(struct signing_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

const struct signing_public *
signing_public_of(const struct signing_key *key)
{
	return &key->public;
}

char *
signing_pem(struct arena *arena, const struct signing_key *key)
{
	BIO *bio = memory_got(BIO_new(BIO_s_secmem()));

	if (PEM_write_bio_PrivateKey(bio, key->pair, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	return taken(arena, bio);
}

void
signing_sign(const struct signing_key *key, const void *bytes, size_t length, unsigned char out[SIGNATURE])
{
	EVP_MD_CTX *context = memory_got(EVP_MD_CTX_new());
	size_t size = SIGNATURE;

	if (EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) != 1 || EVP_DigestSign(context, out, &size, bytes, length) != 1)
		abort();
	EVP_MD_CTX_free(context);
}

/* Files. */

/* It has its name only when it is whole and on the disk. */
static bool
write_file(struct arena *arena, const char *folder, const char *name, mode_t mode, const char *text, struct error *error)
{
	const char *path = arena_printf(arena, "%s/%s", folder, name), *part = arena_printf(arena, "%s.part", path);
	size_t length = strlen(text);

	unlink(part);
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool fine = fd >= 0 && write(fd, text, length) == (ssize_t)length && fchmod(fd, mode) == 0 && fsync(fd) == 0 && rename(part, path) == 0;
	if (!fine)
		error_set(error, "%s cannot be written: %s.", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return fine;
}

static bool
make_file(struct arena *arena, const char *folder, struct error *error)
{
	struct signing_key *key = signing_make();
	char *pem = signing_pem(arena, key);
	bool fine = write_file(arena, folder, SIGNING_FILE, 0600, pem, error);

	secret_wipe(pem, strlen(pem));
	signing_free(key);
	return fine;
}

struct signing_key *
signing_open(struct arena *arena, const char *folder, struct error *error)
{
	const char *path = arena_printf(arena, "%s/" SIGNING_FILE, folder);
	struct error why;

	if (access(path, F_OK) != 0 && errno == ENOENT && !make_file(arena, folder, error))
		return NULL;
	const struct secret *secret = secret_read(arena, path, folder, error);
	if (!secret)
		return NULL;
	struct signing_key *key = signing_read(secret->bytes, secret->length, &why);
	if (!key)
		error_set(error, "%s is no key of the audit: %s.", path, why.text);
	return key;
}

static size_t
read_published(struct arena *arena, const char *path, struct signing_public out[SIGNING_KEYS])
{
	char *text = arena_take(arena, PEM_MOST + 1);
	FILE *file = fopen(path, "rbe");
	size_t length = file ? fread(text, 1, PEM_MOST, file) : 0;

	if (file)
		fclose(file);
	return signing_read_public(text, length, out);
}

bool
signing_publish(const char *folder, const struct signing_public *key, struct error *error)
{
	struct arena *arena = arena_new();
	struct signing_public there[SIGNING_KEYS];
	struct text text = text_in(arena, PEM_MOST);
	size_t count = read_published(arena, arena_printf(arena, "%s/" SIGNING_PUBLIC_FILE, folder), there);
	bool fine = count && !strcmp(there[0].id, key->id);

	text_add(&text, signing_public_pem(arena, key));
	for (size_t i = 0; i < count && i + 1 < SIGNING_KEYS; i++)
		if (strcmp(there[i].id, key->id) != 0)
			text_add(&text, signing_public_pem(arena, &there[i]));
	fine = fine || write_file(arena, folder, SIGNING_PUBLIC_FILE, 0644, text.bytes, error);
	arena_free(arena);
	return fine;
}
