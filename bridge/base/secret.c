/* secret: credentials, read from files and never from anywhere else. */
#include "bridge/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"

enum { LONGEST = 64 * 1024 };

void
secret_wipe(void *bytes, size_t length)
{
	OPENSSL_cleanse(bytes, length);
}

/* The folder that the service manager keeps for us; NULL: there is none. */
static const char *
credentials(void)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	return folder && *folder == '/' ? folder : NULL;
}

char *
secret_path(struct arena *arena, const char *name, const char *beside)
{
	if (*name == '/')
		return arena_text(arena, name);
	if (credentials()) {
		char *path = arena_printf(arena, "%s/%s", credentials(), name);
		if (access(path, F_OK) == 0)
			return path;
	}
	return arena_printf(arena, "%s/%s", beside, name);
}

static bool
is_credential(const char *path)
{
	const char *folder = credentials();
	size_t length = folder ? strlen(folder) : 0;

	return folder && !strncmp(path, folder, length) && path[length] == '/' && !strstr(path + length, "/../");
}

/* The service manager shows its credentials with a mode that looks open, and guards them otherwise. */
static bool
is_private(const char *path, const struct stat *status, struct error *error)
{
	if (!S_ISREG(status->st_mode))
		return error_set(error, "%s is no regular file; a secret is read from nothing else.", path);
	if (is_credential(path))
		return true;
	if (status->st_uid != geteuid() && status->st_uid != 0)
		return error_set(error, "%s belongs to another user; it must belong to root or to whoever runs the gateway.", path);
	if (status->st_mode & (S_IRWXG & ~S_IXGRP))
		return error_set(error, "%s can be read by its group; chmod 600 it.", path);
	if (status->st_mode & (S_IRWXO & ~S_IXOTH))
		return error_set(error, "%s can be read by everybody; chmod 600 it.", path);
	return true;
}

struct held {
	char *bytes;
	size_t size;
};

static void
let_go(void *with)
{
	struct held *held = with;

	secret_wipe(held->bytes, held->size);
}

static bool
read_all(int fd, const char *path, char *bytes, size_t *length, struct error *error)
{
	ssize_t got;

	*length = 0;
	while ((got = read(fd, bytes + *length, LONGEST + 1 - *length)) > 0)
		*length += (size_t)got;
	if (got < 0)
		return error_set(error, "%s could not be read: %s.", path, strerror(errno));
	if (*length > LONGEST)
		return error_set(error, "%s has more than 64 KiB; that is no secret.", path);
	if (*length && bytes[*length - 1] == '\n')
		--*length;
	if (*length && bytes[*length - 1] == '\r')
		--*length;
	if (!*length)
		return error_set(error, "%s is empty.", path);
	if (memchr(bytes, '\0', *length))
		return error_set(error, "%s holds a NUL byte; a secret is text.", path);
	return true;
}

static const struct secret *
keep(struct arena *arena, const char *path, const char *bytes, size_t length)
{
	struct secret *secret = arena_take(arena, sizeof *secret);
	struct held *held = arena_take(arena, sizeof *held);

	held->bytes = arena_slice(arena, bytes, length);
	held->size = length;
	arena_defer(arena, let_go, held);
	*secret = (struct secret){ path, held->bytes, length };
	redact_add(bytes, length);
	return secret;
}

static bool
cannot_open(const char *path, int why, struct error *error)
{
	if (why == ELOOP)
		return error_set(error, "%s is a symbolic link; name the file itself.", path);
	if (why == ENOENT)
		return error_set(error, "%s is not there.", path);
	if (why == EACCES)
		return error_set(error, "%s may not be read by whoever runs the gateway.", path);
	return error_set(error, "%s could not be opened: %s.", path, strerror(why));
}

const struct secret *
secret_read(struct arena *arena, const char *name, const char *beside, struct error *error)
{
	const char *path = secret_path(arena, name, beside);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	const struct secret *secret = NULL;
	struct stat status;
	size_t length;

	if (fd < 0) {
		cannot_open(path, errno, error);
		return NULL;
	}
	char *bytes = memory_take(LONGEST + 1);
	if (fstat(fd, &status) != 0)
		error_set(error, "%s could not be looked at: %s.", path, strerror(errno));
	else if (is_private(path, &status, error) && read_all(fd, path, bytes, &length, error))
		secret = keep(arena, path, bytes, length);
	secret_wipe(bytes, LONGEST + 1);
	free(bytes);
	close(fd);
	return secret;
}
