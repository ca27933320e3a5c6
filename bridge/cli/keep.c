/* keep: small things that every subcommand that keeps the state safe needs. */
#include "bridge/cli/keep.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit_file.h"

int
keep_failed(int code, const struct error *error)
{
	fprintf(stderr, "sallyport: %s\n", error->text);
	return code;
}

int
keep_unread(const char *state, const struct error *error)
{
	struct arena *arena = arena_new();
	bool there = access(arena_printf(arena, "%s/sallyport.db", state), R_OK) == 0;

	arena_free(arena);
	return keep_failed(there ? EX_DATAERR : EX_UNAVAILABLE, error);
}

int
keep_refuse(int code, const char *sentence, ...)
{
	struct error error;
	va_list values;

	va_start(values, sentence);
	error_vset(&error, sentence, values);
	va_end(values);
	return keep_failed(code, &error);
}

const char *
keep_who(struct arena *arena)
{
	const struct passwd *user = getpwuid(getuid());

	if (user)
		return arena_printf(arena, "unix/%s", text_clean(arena, user->pw_name, strlen(user->pw_name)));
	return arena_printf(arena, "unix/%ld", (long)getuid());
}

bool
keep_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool fine = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return fine;
}

const char *
keep_folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : arena_slice(arena, path, (size_t)(slash - path));
}

bool
keep_sum(const char *path, char out[AUDIT_HEX_SIZE])
{
	char buffer[64 * 1024];
	unsigned char hash[AUDIT_HASH];
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	FILE *file = fopen(path, "rbe");
	size_t got;

	if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		abort();
	while (file && (got = fread(buffer, 1, sizeof buffer, file)) > 0)
		EVP_DigestUpdate(digest, buffer, got);
	bool fine = file && !ferror(file);
	if (file)
		fclose(file);
	EVP_DigestFinal_ex(digest, hash, NULL);
	EVP_MD_CTX_free(digest);
	audit_hex(hash, out);
	return fine;
}
