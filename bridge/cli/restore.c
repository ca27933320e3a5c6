/* restore: a backup becomes the state; what was there is laid aside, and nothing that was open in the backup is done again. */
#include "bridge/cli/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/cli/keep.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"
#include "bridge/talk/label.h"
#include "bridge/talk/message.h"
#include "bridge/talk/outbox.h"
#include "bridge/work/approval_rows.h"
#include "bridge/work/inbox_rows.h"
#include "bridge/work/intent.h"
#include "bridge/work/lock_rows.h"
#include "bridge/work/pause.h"

enum {
	SKIP_LEAST = 1000,              /* short ids that may have been given out since the backup, of each letter, */
	SKIP_EVERY = 60 * 1000,         /* and one more for each such span (ms) since */
	FILE_MOST = 64 * 1024,
};

/* What is put back, and where. */
struct restore {
	const struct keep *keep;
	const char *source, *part, *aside;      /* aside NULL: there was no state */
	int64_t made;                   /* wall ms */
	int64_t bad;                    /* the first record that did not fit when the backup was made; 0: none */
	int64_t known[LABEL_LETTERS];   /* the numbers of the state that is laid aside */
	struct pause_row pause;         /* of that state too: whoever paused is obeyed, */
	struct lock_rows *locks;        /* and what was locked or released since is; NULL: that is not known */
	int64_t skip, unknown, unheard, delivered, unsaid, records;
};

static const char *
in(const struct restore *restore, const char *folder, const char *name)
{
	return arena_printf(restore->keep->arena, "%s/%s", folder, name);
}

/* Reading the backup. Everything is read once, into a folder of ours: what is checked is what is used. */

static bool
copy_file(const char *from, const char *to, struct error *error)
{
	char buffer[64 * 1024];
	int in_fd = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int out_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t got = 0;
	struct stat about;
	bool fine = in_fd >= 0 && out_fd >= 0 && fstat(in_fd, &about) == 0;

	if (fine && !S_ISREG(about.st_mode)) {
		errno = EINVAL;
		fine = false;
	}
	while (fine && (got = read(in_fd, buffer, sizeof buffer)) > 0)
		fine = write(out_fd, buffer, (size_t)got) == got;
	fine = fine && got == 0 && fsync(out_fd) == 0;
	if (!fine)
		error_set(error, "%s cannot be copied to %s: %s.", from, to, strerror(errno));
	if (in_fd >= 0)
		close(in_fd);
	if (out_fd >= 0)
		close(out_fd);
	return fine;
}

static char *
read_small(const struct restore *restore, const char *name)
{
	FILE *file = fopen(in(restore, restore->part, name), "rbe");
	char *text = arena_take(restore->keep->arena, FILE_MOST + 1);
	size_t length = file ? fread(text, 1, FILE_MOST, file) : 0;

	if (file)
		fclose(file);
	text[length] = '\0';
	return text;
}

static bool
sum_fits(const struct restore *restore, const char *sums, const char *name, struct error *error)
{
	char sum[AUDIT_HEX_SIZE];

	if (!keep_sum(in(restore, restore->part, name), sum) || !strstr(sums, arena_printf(restore->keep->arena, "%s  %s\n", sum, name)))
		return error_set(error, "%s/%s is not what it was when the backup was made: its SHA-256 is another. Take another backup.", restore->source, name);
	return true;
}

static bool
read_manifest(struct restore *restore, struct error *error)
{
	char *text = read_small(restore, BACKUP_MANIFEST);
	struct json_object *manifest = json_read(restore->keep->arena, text, strlen(text), NULL);
	int64_t form = json_integer(manifest, "sallyport_backup", 0);

	if (form < 1)
		return error_set(error, "%s/" BACKUP_MANIFEST " is none of a backup.", restore->source);
	if (form > 1)
		return error_set(error, "%s was made by a newer version of sallyport (%.40s), which I cannot read. Install that one.", restore->source,
			json_string(manifest, "version", "?"));
	restore->made = json_integer(manifest, "made_ms", 0);
	restore->bad = json_integer(manifest, "audit.bad", 0);
	return true;
}

/* A copy that was made before a change of version, or a store that was laid aside: what it had not yet taken in lies beside it. */
static bool
fetch_file(const struct restore *restore, struct error *error)
{
	const char *wal = arena_printf(restore->keep->arena, "%s-wal", restore->source);

	return copy_file(restore->source, in(restore, restore->part, BACKUP_STORE), error)
	    && (access(wal, F_OK) != 0 || copy_file(wal, in(restore, restore->part, BACKUP_STORE "-wal"), error));
}

static bool
fetch(struct restore *restore, struct error *error)
{
	static const char *const names[] = { BACKUP_STORE, BACKUP_MANIFEST, BACKUP_SUMS };
	struct stat about;

	if (stat(restore->source, &about) != 0)
		return error_set(error, "%s cannot be read: %s.", restore->source, strerror(errno));
	restore->made = (int64_t)about.st_mtime * 1000;
	if (!S_ISDIR(about.st_mode))
		return fetch_file(restore, error);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!copy_file(in(restore, restore->source, names[i]), in(restore, restore->part, names[i]), error))
			return false;
	char *sums = read_small(restore, BACKUP_SUMS);
	return sum_fits(restore, sums, BACKUP_STORE, error) && sum_fits(restore, sums, BACKUP_MANIFEST, error) && read_manifest(restore, error);
}

static bool
check(struct restore *restore, struct error *error)
{
	struct audit_verdict verdict;
	struct error why;

	if (!store_read(restore->part, backup_check, &verdict, restore->keep->arena, &why))
		return error_set(error, "%s is damaged. %s Take another backup.", restore->source, why.text);
	restore->records = verdict.records;
	if (verdict.bad != restore->bad)
		return error_set(error, "%s is damaged: record %lld of its audit %s. Take another backup.", restore->source, (long long)verdict.bad,
			verdict.reason);
	return true;
}

/* Closing what was open in it. */

static bool
close_past(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct restore *restore = with;
	int64_t age = clock_wall() - restore->made;

	restore->skip = SKIP_LEAST + (age > 0 ? age / SKIP_EVERY : 0);
	if (!intent_restored(db, &restore->unknown, error) || !message_restored(db, &restore->unheard, error)
	    || !inbox_restored(db, &restore->delivered, error)
	    || !approval_restored(db, error) || !outbox_restored(db, &restore->unsaid, error) || !label_restored(db, restore->skip, restore->known, error)
	    || (restore->pause.on && !pause_write(db, &restore->pause, error)) || (restore->locks && !lock_rows_write(db, restore->locks, error)))
		return false;
	struct audit_entry entry = { .what = "restored", .account = keep_who(arena),
		.result = arena_printf(arena, "from the backup of %s; open then: %lld requests, %lld commands heard, %lld webhooks, %lld messages; short ids go on %lld further; "
			"the state before it: %s", clock_time(arena, restore->made, 0), (long long)restore->unknown, (long long)restore->unheard,
			(long long)restore->delivered, (long long)restore->unsaid, (long long)restore->skip, restore->aside ? restore->aside : "none") };
	return audit_write(db, &entry, error);
}

static bool
read_present(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct restore *restore = with;

	if (!label_numbers(db, restore->known, error))
		return false;
	if (db_version(db, lock_tables.name) && !lock_rows_read(db, arena, &restore->locks, error))
		return false;
	return !db_version(db, pause_tables.name) || pause_read(db, &restore->pause, arena, error);
}

/* Laying aside. */

static const char *const store_files[] = { BACKUP_STORE, BACKUP_STORE "-wal", BACKUP_STORE "-shm" };
enum { STORE_FILES = sizeof store_files / sizeof *store_files };

static void
choose_aside(struct restore *restore)
{
	char when[32];
	time_t now = time(NULL);

	if (access(in(restore, restore->keep->state, BACKUP_STORE), F_OK) != 0)
		return;
	strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime(&now));
	restore->aside = arena_printf(restore->keep->arena, "%s/before-restore-%s", restore->keep->state, when);
	for (int i = 2; access(restore->aside, F_OK) == 0; i++)
		restore->aside = arena_printf(restore->keep->arena, "%s/before-restore-%s-%d", restore->keep->state, when, i);
}

static bool
lay_aside(struct restore *restore, struct error *error)
{
	const char *state = restore->keep->state;

	if (!restore->aside)
		return true;
	if (mkdir(restore->aside, 0700) != 0)
		return error_set(error, "%s cannot be made: %s.", restore->aside, strerror(errno));
	for (size_t i = 0; i < STORE_FILES; i++)
		if (rename(in(restore, state, store_files[i]), in(restore, restore->aside, store_files[i])) != 0 && errno != ENOENT)
			return error_set(error, "%s/%s cannot be laid aside: %s.", state, store_files[i], strerror(errno));
	return keep_sync(restore->aside) || error_set(error, "%s cannot be synchronised: %s.", restore->aside, strerror(errno));
}

/* What root makes is for the user that the state belongs to. */
static void
give_to_owner(const struct restore *restore, const char *path)
{
	struct stat about;

	if (geteuid() == 0 && stat(restore->keep->state, &about) == 0 && about.st_uid != 0 && lchown(path, about.st_uid, about.st_gid) != 0)
		fprintf(stderr, "sallyport: %s cannot be given to the user that %s belongs to: %s.\n", path, restore->keep->state, strerror(errno));
}

/* Between the first move and the last a mark is there, with which no gateway starts: never with half of two states, or none. */
static bool
exchange(struct restore *restore, struct error *error)
{
	const char *state = restore->keep->state, *mark = in(restore, state, STORE_RESTORING), *store = in(restore, restore->part, BACKUP_STORE);
	int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || close(fd) != 0 || !keep_sync(state))
		return error_set(error, "%s cannot be made: %s.", mark, strerror(errno));
	if (!lay_aside(restore, error))
		return false;
	give_to_owner(restore, store);
	if (restore->aside)
		give_to_owner(restore, restore->aside);
	if (rename(store, in(restore, state, BACKUP_STORE)) != 0 || !keep_sync(state) || unlink(mark) != 0 || !keep_sync(state))
		return error_set(error, "%s cannot be put into its place: %s. Do it again.", store, strerror(errno));
	return true;
}

static void
tidy(const struct restore *restore)
{
	DIR *dir = opendir(restore->part);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(restore->part);
}

static int
put_back(struct restore *restore, struct error *error)
{
	struct arena *arena = restore->keep->arena;
	enum store_open_error why = STORE_SYSTEM;
	struct error unread;

	if (!fetch(restore, error) || !check(restore, error))
		return EX_DATAERR;
	choose_aside(restore);
	if (restore->aside && !store_read(restore->keep->state, read_present, restore, arena, &unread))
		fprintf(stderr, "sallyport: The state that is there cannot be read (%s) and is laid aside as it is.\n", unread.text);
	if (!store_write(restore->part, bridge_tables, close_past, restore, arena, &why, error))
		return store_exit(why);
	return exchange(restore, error) ? EX_OK : EX_OSERR;
}

static void
say_restored(const struct restore *restore)
{
	struct arena *arena = restore->keep->arena;

	printf("%s is as it was at %s, with %lld record%s of the audit.\n", restore->keep->state, clock_time(arena, restore->made, 0),
		(long long)restore->records, text_s((unsigned long)restore->records));
	if (restore->aside)
		printf("What was there is in %s.\n", restore->aside);
	printf("Not done again: %lld request%s (now unknown), %lld command%s that had been heard, %lld webhook%s, %lld message%s. Short ids go on %lld further.\n",
		(long long)restore->unknown, text_s((unsigned long)restore->unknown), (long long)restore->unheard, text_s((unsigned long)restore->unheard),
		(long long)restore->delivered, text_s((unsigned long)restore->delivered), (long long)restore->unsaid, text_s((unsigned long)restore->unsaid), (long long)restore->skip);
}

int
backup_restore(const struct keep *keep, const char *const *words)
{
	struct restore restore = { .keep = keep, .source = words[0], .part = arena_printf(keep->arena, "%s/restore.part", keep->state) };
	enum store_open_error why;
	struct error error = { "" };

	if (!words[0] || words[1])
		return keep_refuse(EX_USAGE, "It is restore FOLDER|FILE: a folder that backup made, or the store that a restore or a new version laid aside.");
	int lock = store_lock(keep->state, &why, &error);
	if (lock < 0)
		return keep_failed(store_exit(why), &error);
	tidy(&restore);
	int code = EX_CANTCREAT;
	if (mkdir(restore.part, 0700) != 0)
		error_set(&error, "%s cannot be made: %s.", restore.part, strerror(errno));
	else
		code = put_back(&restore, &error);
	tidy(&restore);
	close(lock);
	if (code != EX_OK)
		return keep_failed(code, &error);
	say_restored(&restore);
	return EX_OK;
}
