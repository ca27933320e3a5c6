/* backup: a copy of the state, made beside a gateway that runs or not, and read back before it has its name. */
#include "config.h"

#include "bridge/cli/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
#include "bridge/cli/keep.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"

bool
backup_check(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	if (!db_sound(db))
		return error_set(error, "The store in it is damaged.");
	return audit_verify(db, with, error);
}

static bool
write_new(const char *path, const char *text, struct error *error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t length = strlen(text);
	bool fine = fd >= 0 && write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;

	if (!fine)
		error_set(error, "%s cannot be written: %s.", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return fine;
}

static const char *
manifest(const struct keep *keep, const struct audit_verdict *verdict)
{
	struct json_object *object = json_new_object(keep->arena), *audit = json_new_object(keep->arena);
	int64_t now = clock_wall();
	time_t seconds = (time_t)(now / 1000);
	char made[32];

	strftime(made, sizeof made, "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	json_set_integer(object, "sallyport_backup", 1);
	json_set(object, "version", PACKAGE_VERSION);
	json_set(object, "made", made);
	json_set_integer(object, "made_ms", now);
	json_set(object, "state", keep->state);
	json_set_integer(audit, "first", verdict->first);
	json_set_integer(audit, "records", verdict->records);
	json_set_integer(audit, "bad", verdict->bad);
	json_object_object_add(object, "audit", json_object_get(audit));
	return arena_printf(keep->arena, "%s\n", json_write(object));
}

static bool
write_sums(const struct keep *keep, const char *folder, struct error *error)
{
	static const char *const names[] = { BACKUP_STORE, BACKUP_MANIFEST };
	struct text sums = text_in(keep->arena, 4096);
	char sum[AUDIT_HEX_SIZE];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!keep_sum(arena_printf(keep->arena, "%s/%s", folder, names[i]), sum))
			return error_set(error, "%s/%s cannot be read back: %s.", folder, names[i], strerror(errno));
		text_printf(&sums, "%s  %s\n", sum, names[i]);
	}
	return write_new(arena_printf(keep->arena, "%s/" BACKUP_SUMS, folder), sums.bytes, error);
}

static bool
fill(const struct keep *keep, const char *folder, struct audit_verdict *verdict, enum store_open_error *reason, struct error *error)
{
	struct error why;

	if (!store_copy(keep->state, arena_printf(keep->arena, "%s/" BACKUP_STORE, folder), reason, error))
		return false;
	if (!store_read(folder, backup_check, verdict, keep->arena, &why))
		return error_set(error, "The copy that was made is no good, and was removed. %s", why.text);
	return write_new(arena_printf(keep->arena, "%s/" BACKUP_MANIFEST, folder), manifest(keep, verdict), error) && write_sums(keep, folder, error);
}

static void
discard(const struct keep *keep, const char *folder)
{
	static const char *const names[] = { BACKUP_STORE, BACKUP_STORE "-wal", BACKUP_STORE "-shm", BACKUP_STORE ".part", BACKUP_STORE ".part-journal",
		BACKUP_MANIFEST, BACKUP_SUMS };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(arena_printf(keep->arena, "%s/%s", folder, names[i]));
	rmdir(folder);
}

/* It has its name only when it is whole, verified and on the disk. What a backup that was killed left is cleared first. */
static bool
make_folder(const struct keep *keep, const char *target, struct audit_verdict *verdict, enum store_open_error *why, struct error *error)
{
	const char *part = arena_printf(keep->arena, "%s.part", target);

	discard(keep, part);
	if (mkdir(part, 0700) != 0)
		return error_set(error, "%s cannot be made: %s.", part, strerror(errno));
	bool fine = fill(keep, part, verdict, why, error);
	if (fine && (!keep_sync(part) || rename(part, target) != 0 || !keep_sync(keep_folder_of(keep->arena, target))))
		fine = error_set(error, "%s cannot be made: %s.", target, strerror(errno));
	if (!fine)
		discard(keep, part);
	return fine;
}

int
backup_make(const struct keep *keep, const char *const *words)
{
	struct audit_verdict verdict = { 0 };
	enum store_open_error why = STORE_SYSTEM;
	struct error error = { "" };
	struct stat store = { 0 };
	int64_t began = clock_mono();

	if (!words[0] || words[1])
		return keep_refuse(EX_USAGE, "It is backup FOLDER: one that is not there yet.");
	if (access(words[0], F_OK) == 0)
		return keep_refuse(EX_CANTCREAT, "%s is there already, and is not written over. Name another folder.", words[0]);
	if (!make_folder(keep, words[0], &verdict, &why, &error))
		return keep_failed(why == STORE_DAMAGED ? EX_DATAERR : EX_CANTCREAT, &error);
	stat(arena_printf(keep->arena, "%s/" BACKUP_STORE, words[0]), &store);
	printf("%s: %lld kB, %lld record%s of the audit, read back and verified, in %s\n", words[0], (long long)(store.st_size / 1024),
		(long long)verdict.records, text_s((unsigned long)verdict.records), clock_span(keep->arena, clock_mono() - began));
	if (verdict.whole)
		return EX_OK;
	return keep_refuse(1, "The backup is a true copy, but record %lld of the audit %s, in the store itself: see audit verify.", (long long)verdict.bad,
		verdict.reason);
}
