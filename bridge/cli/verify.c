/* verify: whether the audit is as it was written, and as it was signed: in a store, in a copy of one, in archived and exported files. */
#include "bridge/cli/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/cli/keep.h"
#include "bridge/rights/audit_file.h"
#include "bridge/run/store.h"

#define USAGE "It is audit verify [--key FILE] [--checkpoint FILE] [FILE ...]."

enum { PEM_MOST = 64 * 1024, LINE_MOST = 4096, ANCHORS_MOST = 1 << 20, FILES_MOST = 32 };

struct verifying {
	const struct keep *keep;
	const char *key, *anchors;      /* files */
	const char *files[FILES_MOST];  /* ended by NULL */
	struct audit_proof wanted;            /* what every proof begins with */
};

/* What is verified with. */

static bool
read_keys(struct verifying *verifying, struct error *error)
{
	struct arena *arena = verifying->keep->arena;
	const char *state = verifying->keep->state;
	const char *path = verifying->key ? verifying->key : state ? arena_printf(arena, "%s/" SIGNING_PUBLIC_FILE, state) : NULL;
	FILE *file = path ? fopen(path, "rbe") : NULL;
	char *pem = arena_take(arena, PEM_MOST + 1);

	if (!file)
		return !verifying->key || error_set(error, "%s cannot be read: %s.", path, strerror(errno));
	verifying->wanted.key_count = signing_read_public(pem, fread(pem, 1, PEM_MOST, file), verifying->wanted.keys);
	fclose(file);
	return verifying->wanted.key_count || error_set(error, "%s holds no public Ed25519 key.", path);
}

static int
by_record(const void *a, const void *b)
{
	int64_t first = ((const struct checkpoint *)a)->seq, second = ((const struct checkpoint *)b)->seq;

	return (first > second) - (first < second);
}

static bool
read_anchors(struct verifying *verifying, struct error *error)
{
	FILE *file = verifying->anchors ? fopen(verifying->anchors, "rbe") : NULL;
	struct arena *arena = verifying->keep->arena;
	char line[LINE_MOST];
	size_t count = 0, size = 0;
	struct checkpoint *each = NULL, one;

	if (!file)
		return !verifying->anchors || error_set(error, "%s cannot be read: %s.", verifying->anchors, strerror(errno));
	while (fgets(line, sizeof line, file) && count < ANCHORS_MOST) {
		if (!checkpoint_read(line, &one))
			continue;
		if (count == size)
			each = memory_resize(each, (size = 2 * size + 16) * sizeof *each);
		each[count++] = one;
	}
	fclose(file);
	if (!count)
		return error_set(error, "%s holds no checkpoint: a line with sallyport-audit-v1 in it.", verifying->anchors);
	qsort(each, count, sizeof *each, by_record);
	arena_defer(arena, free, each);
	verifying->wanted.anchors = each;
	verifying->wanted.anchor_count = count;
	return true;
}

/* What was found, in words. */

static void
add_spans(struct text *text, const struct audit_spans *spans)
{
	for (size_t i = 0; i < spans->count; i++) {
		const struct audit_span *span = &spans->each[i];
		const char *before = !i ? spans->count > 1 || span->last > span->first ? "Records " : "Record "
			: i + 1 == spans->count && !spans->more ? " and " : ", ";
		text_printf(text, span->last > span->first ? "%s%lld to %lld" : "%s%lld", before, (long long)span->first, (long long)span->last);
	}
	text_add(text, spans->more ? " and others" : "");
}

static bool
many(const struct audit_spans *spans)
{
	return spans->count > 1 || spans->each[0].last > spans->each[0].first;
}

/* Which of them a signature speaks for, and which only their hashes. */
static void
add_signed(struct text *text, const struct verifying *verifying, const struct audit_proof *proof)
{
	struct arena *arena = verifying->keep->arena;
	const struct audit_verdict *verdict = &proof->verdict;
	const struct audit_spans *sealed = &verdict->as_signed, *rest = &verdict->fitting;
	int64_t now = clock_wall();

	if (sealed->count) {
		text_add(text, " ");
		add_spans(text, sealed);
		text_printf(text, " %s as signed (key %s, %s).", many(sealed) ? "are" : "is", verdict->key, clock_time(arena, verdict->sealed_wall, now));
	}
	if (!verifying->wanted.key_count) {
		if (!verdict->whole && rest->count) {
			text_add(text, " ");
			add_spans(text, rest);
			text_printf(text, " fit%s.", many(rest) ? "" : "s");
		}
		text_add(text, " No signature was checked: there is no public key here; name one by --key.");
	} else if (rest->count) {
		text_add(text, " ");
		add_spans(text, rest);
		text_printf(text, many(rest) ? " fit, but no checkpoint speaks for them%s." : " fits, but no checkpoint speaks for it%s.", verdict->whole ? " yet" : "");
	}
	if (verifying->anchors)
		text_printf(text, " Compared with %zu checkpoint%s of %s%s.", proof->anchors_met, text_s(proof->anchors_met), verifying->anchors,
			proof->anchors_met < verifying->wanted.anchor_count ? ", the others speak of records that are not here" : "");
}

static void
add_bad(struct text *text, struct arena *arena, const struct audit_verdict *verdict)
{
	text_printf(text, "bad: record %lld %s", (long long)verdict->bad, verdict->reason);
	if (verdict->bad_wall)
		text_printf(text, " (%s)", clock_time(arena, verdict->bad_wall, clock_wall()));
	if (verdict->others)
		text_printf(text, ", and %lld more %s not as %s", (long long)verdict->others, verdict->others == 1 ? "is" : "are", verdict->others == 1 ? "it was" : "they were");
	text_add(text, ".");
}

/* One store or file. */

/* Copied, never an initialiser: with -ftrivial-auto-var-init gcc 12 clears some bytes of a struct with such arrays in it. */
static void
begin(const struct verifying *verifying, struct audit_proof *proof)
{
	memcpy(proof, &verifying->wanted, sizeof *proof);
}

static bool
prove(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct audit_proof *proof = with;

	(void)arena;
	proof->sign_all = true;
	return audit_walk(db, proof, NULL, error);
}

static int
say_store(const struct verifying *verifying, const struct audit_proof *proof, const char *name)
{
	const struct audit_verdict *verdict = &proof->verdict;
	struct arena *arena = verifying->keep->arena;
	struct text text = text_in(arena, LINE_MOST);

	if (verdict->whole)
		text_printf(&text, "good: %lld record%s, each fits the one before", (long long)verdict->records, text_s((unsigned long)verdict->records));
	else
		add_bad(&text, arena, verdict);
	if (verdict->first > 1)
		text_printf(&text, "%s 1 to %lld were archived", verdict->whole ? ";" : "", (long long)verdict->first - 1);
	if (verdict->whole || verdict->first > 1)
		text_add(&text, ".");
	add_signed(&text, verifying, proof);
	printf("%s%s%s\n", name, *name ? ": " : "", text.bytes);
	return verdict->whole ? EX_OK : 1;
}

static int
verify_store(const struct verifying *verifying)
{
	struct audit_proof proof;
	struct error error = { "" };

	begin(verifying, &proof);
	if (!store_read(verifying->keep->state, prove, &proof, verifying->keep->arena, &error))
		return keep_unread(verifying->keep->state, &error);
	return say_store(verifying, &proof, "");
}

static int
verify_copy(const struct verifying *verifying, const char *path)
{
	struct audit_proof proof;
	struct error error = { "" };

	begin(verifying, &proof);
	if (!store_read_file(path, prove, &proof, verifying->keep->arena, &error))
		return keep_failed(EX_DATAERR, &error);
	return say_store(verifying, &proof, path);
}

static bool
is_store(const char *path)
{
	FILE *file = fopen(path, "rbe");
	char head[16] = "";
	bool is = file && fread(head, 1, sizeof head, file) == sizeof head && !memcmp(head, "SQLite format 3", sizeof head);

	if (file)
		fclose(file);
	return is;
}

/* Files: each alone, joined to the one before, and the last to the store. */

struct joining {
	const struct audit_range *last;
	struct audit_range kept;
	bool holds;                     /* the store has that very record, or names it as the last that was archived */
};

static bool
look_behind(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct joining *joining = with;
	const struct audit_range *last = joining->last;

	(void)arena;
	if (!audit_range(db, 1, &joining->kept, error))
		return false;
	joining->holds = joining->kept.first == last->last + 1 ? !memcmp(joining->kept.before, last->hash, AUDIT_HASH)
		: audit_holds(db, last->last, last->hash, NULL);
	return true;
}

/* What the store says of the last file: it has that record, goes on right behind it, or archived more since; or has another record there. */
static int
say_joined(const struct keep *keep, const struct audit_range *last)
{
	struct joining joining = { .last = last };
	struct error error;

	if (!keep->state || !store_read(keep->state, look_behind, &joining, keep->arena, &error))
		printf("no store was compared with it\n");
	else if (joining.kept.first > last->last + 1)
		printf("the store begins with record %lld: more was archived since\n", (long long)joining.kept.first);
	else if (!joining.holds) {
		printf("bad: the store has another record %lld than this one\n", (long long)last->last);
		return 1;
	} else
		printf(joining.kept.first <= last->last ? "the store has these records itself\n" : "the store goes on from there\n");
	return EX_OK;
}

static void
say_file(const struct verifying *verifying, const char *path, const struct audit_range *range, const char *sum, const struct audit_proof *proof)
{
	const struct audit_verdict *verdict = &proof->verdict;
	struct arena *arena = verifying->keep->arena;
	struct text text = text_in(arena, LINE_MOST);

	if (verdict->whole)
		text_printf(&text, "good: records %lld to %lld, each fits the one before, SHA-256 %s.", (long long)range->first, (long long)range->last, sum);
	else
		add_bad(&text, arena, verdict);
	add_signed(&text, verifying, proof);
	printf("%s: %s\n", path, text.bytes);
}

/* An anchor behind the last record of this file speaks of the next one. */
static size_t
anchors_up_to(const struct verifying *verifying, int64_t last)
{
	size_t count = 0;

	while (count < verifying->wanted.anchor_count && verifying->wanted.anchors[count].seq <= last)
		count++;
	return count;
}

static int
verify_file(struct verifying *verifying, const char *path, struct audit_range *range, const struct audit_range *before, bool is_last)
{
	struct audit_proof proof;
	struct error error, why;
	char sum[AUDIT_HEX_SIZE];
	FILE *file = fopen(path, "rbe");

	if (!file)
		return keep_refuse(EX_DATAERR, "%s cannot be read: %s.", path, strerror(errno));
	begin(verifying, &proof);
	if (!is_last || verifying->keep->state)
		proof.anchor_count = anchors_up_to(verifying, audit_file_last(file));
	proof.sign_all = verifying->key;
	bool fine = audit_file_verify(file, &proof, range, sum, &why) || error_set(&error, "%s is no archive of the audit. %s", path, why.text);
	fclose(file);
	if (!fine)
		return keep_failed(EX_DATAERR, &error);
	/* A key that is vouched for in one file counts in the next. */
	memcpy(verifying->wanted.keys, proof.keys, sizeof proof.keys);
	verifying->wanted.key_count = proof.key_count;
	say_file(verifying, path, range, sum, &proof);
	if (!proof.verdict.whole)
		return 1;
	if (!before || (range->first == before->last + 1 && !memcmp(range->before, before->hash, AUDIT_HASH)))
		return EX_OK;
	printf("%s: bad: record %lld does not follow record %lld of the file before\n", path, (long long)range->first, (long long)before->last);
	return 1;
}

static int
verify_files(struct verifying *verifying)
{
	struct audit_range ranges[2] = { { 0 } };
	bool any = false;
	int code = EX_OK;

	for (const char *const *file = verifying->files; *file && code == EX_OK; file++) {
		if (is_store(*file)) {
			code = verify_copy(verifying, *file);
			continue;
		}
		ranges[0] = ranges[1];
		code = verify_file(verifying, *file, &ranges[1], any ? &ranges[0] : NULL, !file[1]);
		any = true;
	}
	return code == EX_OK && any ? say_joined(verifying->keep, &ranges[1]) : code;
}

static bool
read_words(struct verifying *verifying, const char *const *words)
{
	size_t count = 0;

	for (; *words; words++)
		if (!strcmp(*words, "--key") && words[1])
			verifying->key = *++words;
		else if (!strcmp(*words, "--checkpoint") && words[1])
			verifying->anchors = *++words;
		else if (**words == '-' || count + 1 == FILES_MOST)
			return false;
		else
			verifying->files[count++] = *words;
	return true;
}

int
verify_audit(const struct keep *keep, const char *const *words)
{
	struct verifying verifying = { .keep = keep };
	struct error error;

	if (!read_words(&verifying, words))
		return keep_refuse(EX_USAGE, "%s", USAGE);
	if (!keep->state && !verifying.files[0])
		return keep_refuse(EX_CONFIG, "%s cannot be read, so I do not know which store is meant. Name it with -c FILE, or the file to verify.", keep->conf);
	if (!read_keys(&verifying, &error) || !read_anchors(&verifying, &error))
		return keep_failed(EX_DATAERR, &error);
	return verifying.files[0] ? verify_files(&verifying) : verify_store(&verifying);
}

/* The newest checkpoint, to be kept elsewhere. */

static bool
read_newest(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const char **line = with;
	struct checkpoint checkpoint;
	bool found;

	if (!checkpoint_newest(db, &checkpoint, &found, error))
		return false;
	*line = found ? checkpoint_text(arena, &checkpoint) : NULL;
	return true;
}

int
verify_checkpoint(const struct keep *keep, const char *const *words)
{
	const char *line = NULL;
	struct error error = { "" };

	if (words[0])
		return keep_refuse(EX_USAGE, "It is audit checkpoint: the newest one, in a line to keep elsewhere.");
	if (!store_read(keep->state, read_newest, &line, keep->arena, &error))
		return keep_unread(keep->state, &error);
	if (!line)
		return keep_refuse(1, "Nothing is signed yet: a gateway signs when it runs.");
	printf("%s\n", line);
	return EX_OK;
}
