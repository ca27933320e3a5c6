/* job_folder: what the gateway and the supervisor of a job share: files in one folder. */
#include "integrations/job_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/ulid.h"

enum {
	KEPT = 200,                     /* jobs that have ended */
	DAYS = 7,
	FOLDERS_MOST = 10000,           /* looked at in one go */
	DEPTH_MOST = 100,               /* of a work folder that is removed */
};

static int
open_in(const char *folder, const char *file, int flags)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
}

/* Up to `most` bytes from `from` on. */
static char *
read_from(struct arena *arena, int fd, off_t from, size_t most, size_t *length)
{
	char *bytes = arena_take(arena, most + 1);
	ssize_t got;

	*length = 0;
	while (*length < most && (got = pread(fd, bytes + *length, most - *length, from + (off_t)*length)) > 0)
		*length += (size_t)got;
	return bytes;
}

static off_t
size_of(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? status.st_size : -1;
}

char *
job_folder_read(struct arena *arena, const char *folder, const char *file, size_t most, size_t *length)
{
	int fd = open_in(folder, file, O_RDONLY);
	off_t size = size_of(fd);
	char *text = size >= 0 && (size_t)size <= most ? read_from(arena, fd, 0, (size_t)size, length) : NULL;

	if (fd >= 0)
		close(fd);
	return text;
}

bool
job_folder_write(const char *folder, const char *file, const char *text)
{
	int fd = open_in(folder, file, O_WRONLY | O_CREAT | O_EXCL);

	if (fd < 0)
		return false;
	bool fine = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int why = errno;
	close(fd);
	errno = fine ? 0 : why ? why : ENOSPC;
	return fine;
}

/* Output. */

/* The number of the newest part; -1 where nothing was printed. */
static int
newest_part(const char *folder)
{
	DIR *dir = opendir(folder);
	int newest = -1;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		size_t length = strlen(OUTPUT_FILE);
		if (strncmp(entry->d_name, OUTPUT_FILE, length) != 0)
			continue;
		int number = atoi(entry->d_name + length);
		newest = number > newest ? number : newest;
	}
	if (dir)
		closedir(dir);
	return newest;
}

struct piece {
	size_t length;
	char *bytes;
};

/* The end of one part; *left shrinks by what was taken, *cut where not all of it was. */
static struct piece
read_part(struct arena *arena, const char *folder, int number, size_t *left, bool *cut)
{
	char name[32];
	struct piece piece = { 0, NULL };

	snprintf(name, sizeof name, OUTPUT_FILE "%d", number);
	int fd = open_in(folder, name, O_RDONLY);
	off_t size = size_of(fd);
	if (size >= 0) {
		size_t take = (size_t)size < *left ? (size_t)size : *left;
		*cut = *cut || take < (size_t)size;
		piece.bytes = read_from(arena, fd, size - (off_t)take, take, &piece.length);
		*left -= piece.length;
	}
	if (fd >= 0)
		close(fd);
	return piece;
}

char *
job_folder_output(struct arena *arena, const char *folder, size_t most, size_t *length, bool *cut)
{
	int newest = newest_part(folder);
	size_t left = most, at = 0;
	struct piece pieces[3] = { { 0, NULL } };

	/* What lies between the beginning and the last two parts is gone: then the end is all that can be told in one piece. */
	*cut = newest > 2;
	for (int i = 0; i < 3 && newest - i >= 0 && (i < 2 || newest == 2) && left > 0; i++)
		pieces[i] = read_part(arena, folder, newest - i, &left, cut);
	char *text = arena_take(arena, most - left + 1);
	for (int i = 2; i >= 0; i--)
		if (pieces[i].length) {
			memcpy(text + at, pieces[i].bytes, pieces[i].length);
			at += pieces[i].length;
		}
	*length = at;
	return text;
}

/* The lock: a record lock, because it knows its holder and children do not inherit it. */

int
job_folder_lock(const char *folder)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_in(folder, LOCK_FILE, O_RDWR | O_CREAT);

	if (fd >= 0 && fcntl(fd, F_SETLK, &all) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

pid_t
job_folder_holder(const char *folder)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_in(folder, LOCK_FILE, O_RDWR);
	pid_t holder = fd >= 0 && fcntl(fd, F_GETLK, &all) == 0 && all.l_type != F_UNLCK ? all.l_pid : 0;

	if (fd >= 0)
		close(fd);
	return holder;
}

/* All of them. A key begins with its time, so the order of names is that of time. */

static int
newer_first(const void *a, const void *b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

const char *const *
job_folder_list(struct arena *arena, const char *jobs, size_t most)
{
	const char **names = arena_take(arena, (FOLDERS_MOST + 1) * sizeof *names);
	DIR *dir = opendir(jobs);
	size_t count = 0;

	for (struct dirent *entry; dir && count < FOLDERS_MOST && (entry = readdir(dir));)
		if (ulid_valid(entry->d_name))
			names[count++] = arena_text(arena, entry->d_name);
	if (dir)
		closedir(dir);
	qsort(names, count, sizeof *names, newer_first);
	names[count < most ? count : most] = NULL;
	return names;
}

static void
remove_tree(int parent, const char *name, unsigned depth)
{
	if (unlinkat(parent, name, 0) == 0 || depth == DEPTH_MOST)
		return;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_tree(fd, entry->d_name, depth + 1);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	unlinkat(parent, name, AT_REMOVEDIR);
}

static bool
has_ended(const char *folder)
{
	int fd = open_in(folder, END_FILE, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void
job_folder_prune(const char *jobs)
{
	struct arena *arena = arena_new();
	const char *const *names = job_folder_list(arena, jobs, FOLDERS_MOST);
	int64_t old = clock_wall() - (int64_t)DAYS * 24 * 3600 * 1000;
	int parent = open(jobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; parent >= 0 && names[i]; i++) {
		const char *folder = arena_printf(arena, "%s/%s", jobs, names[i]);
		bool aged = ulid_time(names[i]) < old;
		/* One that never ended is of use as long as somebody may ask what became of it. */
		if ((aged || (i >= KEPT && has_ended(folder))) && !job_folder_holder(folder))
			remove_tree(parent, names[i], 0);
	}
	if (parent >= 0)
		close(parent);
	arena_free(arena);
}
