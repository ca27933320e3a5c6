/* archive: the audit in files: exported, and archived with its proof. */
#include "bridge/cli/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/cli/console_client.h"
#include "bridge/cli/keep.h"
#include "bridge/report.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"

enum { ANSWER_MOST = 4096 };

/* Writing. */

struct writing {
	FILE *file;
	int64_t before;                 /* wall ms; 0: all */
	struct audit_range range;
	struct audit_verdict verdict;
};

static bool
write_range(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct writing *writing = with;

	(void)arena;
	return audit_range(db, writing->before, &writing->range, error)
	    && (writing->range.last < writing->range.first && writing->before ? true
		: audit_file_write(writing->file, db, &writing->range, &writing->verdict, error));
}

static int
say_bad(const struct audit_verdict *verdict, const char *where)
{
	fprintf(stderr, "sallyport: record %lld %s %s.\n", (long long)verdict->bad, where, verdict->reason);
	return 1;
}

/* Files. */

/* Read back from the disk, as anybody would who gets it years later. */
static bool
verify_path(const char *path, struct audit_range *range, char sum[AUDIT_HEX_SIZE], struct audit_verdict *verdict, struct error *error)
{
	FILE *file = fopen(path, "rbe");
	struct audit_proof proof = { .key_count = 0 };
	struct error why;

	if (!file)
		return error_set(error, "%s cannot be read: %s.", path, strerror(errno));
	bool fine = audit_file_verify(file, &proof, range, sum, &why) || error_set(error, "%s is no archive of the audit. %s", path, why.text);
	*verdict = proof.verdict;
	fclose(file);
	return fine;
}

static bool
write_part(const struct keep *keep, const char *part, struct writing *writing, struct error *error)
{
	/* One that was killed may have left it. */
	unlink(part);
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	writing->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!writing->file)
		return error_set(error, "%s cannot be made: %s.", part, strerror(errno));
	bool fine = store_read(keep->state, write_range, writing, keep->arena, error);
	if (fine && !writing->verdict.whole)
		fine = error_set(error, "Record %lld of the store %s, so nothing is archived: what is there is evidence.", (long long)writing->verdict.bad,
			writing->verdict.reason);
	if (fsync(fd) != 0 && fine)
		fine = error_set(error, "%s cannot be written: %s.", part, strerror(errno));
	return (fclose(writing->file) == 0 || !fine || error_set(error, "%s cannot be written: %s.", part, strerror(errno))) && fine;
}

/* The file has its name only when it is whole and on the disk; a file that is there is never replaced. */
static bool
make_file(const struct keep *keep, const char *path, struct writing *writing, char sum[AUDIT_HEX_SIZE], struct error *error)
{
	const char *part = arena_printf(keep->arena, "%s.part", path);
	struct audit_verdict verdict = { 0 };
	struct audit_range back = { 0 };

	if (!write_part(keep, part, writing, error)) {
		unlink(part);
		return false;
	}
	bool fine = writing->range.last < writing->range.first || verify_path(part, &back, sum, &verdict, error);
	if (fine && writing->range.last >= writing->range.first) {
		if (!verdict.whole || memcmp(back.hash, writing->range.hash, AUDIT_HASH) != 0)
			fine = error_set(error, "%s does not hold what was written into it (record %lld): look at that disk.", part, (long long)verdict.bad);
		else if (link(part, path) != 0 || !keep_sync(keep_folder_of(keep->arena, path)))
			fine = error_set(error, "%s cannot be made: %s.", path, strerror(errno));
	}
	unlink(part);
	return fine;
}

/* Exporting. */

static int
export_into(const struct keep *keep, const char *path)
{
	struct writing writing = { .verdict = { .whole = true } };
	struct error error = { "" };
	char sum[AUDIT_HEX_SIZE] = "";

	if (access(path, F_OK) == 0)
		return keep_refuse(EX_CANTCREAT, "%s is there already, and is not written over. Name another file.", path);
	if (!make_file(keep, path, &writing, sum, &error))
		return keep_failed(writing.verdict.whole ? EX_CANTCREAT : 1, &error);
	if (writing.range.last < writing.range.first)
		return keep_refuse(1, "There is no record to export.");
	printf("%s: records %lld to %lld, SHA-256 %s\n", path, (long long)writing.range.first, (long long)writing.range.last, sum);
	return EX_OK;
}

int
archive_export(const struct keep *keep, const char *const *words)
{
	struct writing writing = { .file = stdout, .verdict = { .whole = true } };
	struct error error = { "" };

	if (words[0] && (words[1] || *words[0] == '-'))
		return keep_refuse(EX_USAGE, "It is audit export [FILE]: every record that is kept, as lines of JSON, into a new file or on standard output.");
	if (words[0])
		return export_into(keep, words[0]);
	if (!store_read(keep->state, write_range, &writing, keep->arena, &error))
		return keep_unread(keep->state, &error);
	return writing.verdict.whole ? EX_OK : say_bad(&writing.verdict, "of the store");
}

/* Archiving. */

struct offline {
	const char *const *words;
	struct text out;
	int code;
};

static bool
take_out(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct offline *offline = with;

	offline->out = text_in(arena, ANSWER_MOST);
	return report_audit(db, offline->words, arena, &offline->out, &offline->code, error);
}

/* The gateway that runs takes them out; where none does, we do. */
static int
forget(const struct keep *keep, const struct audit_range *range, const char *sum)
{
	char hash[AUDIT_HEX_SIZE];
	enum store_open_error why;
	struct error error = { "" };

	audit_hex(range->hash, hash);
	const char *words[] = { "audit", "archived", arena_printf(keep->arena, "%lld", (long long)range->first),
		arena_printf(keep->arena, "%lld", (long long)range->last), hash, sum, keep_who(keep->arena), NULL };
	int code = keep->socket ? console_ask(keep->socket, words) : EX_UNAVAILABLE;
	if (code != EX_UNAVAILABLE)
		return code;
	struct offline offline = { .words = words + 1 };
	if (!store_write(keep->state, bridge_tables, take_out, &offline, keep->arena, &why, &error))
		return keep_failed(store_exit(why), &error);
	fputs(offline.out.bytes, stdout);
	return offline.code;
}

int
archive_make(const struct keep *keep, const char *const *words)
{
	struct writing writing = { .verdict = { .whole = true } };
	struct error error = { "" };
	char sum[AUDIT_HEX_SIZE];

	if (!words[0] || strcmp(words[0], "--before") != 0 || !words[1] || !words[2] || words[3] || !clock_parse_when(words[1], clock_wall(), &writing.before))
		return keep_refuse(EX_USAGE, "It is audit archive --before DATE|SPAN FILE: DATE as 2026-12-01, SPAN as 90d.");
	if (access(words[2], F_OK) == 0)
		return keep_refuse(EX_CANTCREAT, "%s is there already, and is not written over. Name another file.", words[2]);
	if (!make_file(keep, words[2], &writing, sum, &error))
		return keep_failed(writing.verdict.whole ? EX_CANTCREAT : 1, &error);
	if (writing.range.last < writing.range.first) {
		printf("no record is that old: nothing was archived\n");
		return EX_OK;
	}
	printf("%s: records %lld to %lld, SHA-256 %s\n", words[2], (long long)writing.range.first, (long long)writing.range.last, sum);
	fflush(stdout);
	int code = forget(keep, &writing.range, sum);
	if (code != EX_OK)
		fprintf(stderr, "sallyport: The file is good, but its records are still in the store too; remove the file before you archive again.\n");
	return code;
}
