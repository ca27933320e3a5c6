/* paired: the accounts that people made their own: their rows, and what is known of them while we run. */
#include "bridge/work/paired.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/overlay.h"
#include "bridge/run/engine.h"
#include "bridge/run/store.h"
#include "bridge/talk/talk.h"

struct paired {
	char *account, *person;
	int64_t since, settled;         /* wall ms; mono ms from when on it may approve */
};

struct pairs {
	size_t count, room;
	struct paired *each;
};

struct pairs *
pairs_new(void)
{
	return memory_take(sizeof(struct pairs));
}

static void
forget(struct pairs *pairs, size_t i)
{
	free(pairs->each[i].account);
	free(pairs->each[i].person);
	pairs->each[i] = pairs->each[--pairs->count];
}

void
pairs_free(struct pairs *pairs)
{
	if (!pairs)
		return;
	while (pairs->count)
		forget(pairs, pairs->count - 1);
	free(pairs->each);
	free(pairs);
}

static const struct paired *
find(const struct pairs *pairs, const char *account)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (!strcmp(pairs->each[i].account, account))
			return &pairs->each[i];
	return NULL;
}

const char *
pairs_person(const struct pairs *pairs, const char *account)
{
	const struct paired *paired = find(pairs, account);

	return paired ? paired->person : NULL;
}

size_t
pairs_count(const struct pairs *pairs, const char *person)
{
	size_t count = 0;

	for (size_t i = 0; i < pairs->count; i++)
		count += !person || !strcmp(pairs->each[i].person, person);
	return count;
}

/* A clock that was set back between two lives bars nobody for longer than a day. */
static void
note(struct pairs *pairs, const char *account, const char *person, int64_t since)
{
	int64_t left = since + RIGHTS_FRESH - clock_wall();

	if (pairs->count == pairs->room) {
		pairs->room = pairs->room ? 2 * pairs->room : 16;
		pairs->each = memory_resize(pairs->each, pairs->room * sizeof *pairs->each);
	}
	left = left < 0 ? 0 : left > RIGHTS_FRESH ? RIGHTS_FRESH : left;
	pairs->each[pairs->count++] = (struct paired){ memory_text(account), memory_text(person), since, clock_mono() + left };
}

void
pairs_overlay(const struct pairs *pairs, struct arena *arena, struct overlay *overlay)
{
	struct overlay_account *accounts = arena_take(arena, (pairs->count + 1) * sizeof *accounts);

	for (size_t i = 0; i < pairs->count; i++)
		accounts[i] = (struct overlay_account){ arena_text(arena, pairs->each[i].account), arena_text(arena, pairs->each[i].person),
			pairs->each[i].since, pairs->each[i].settled };
	overlay->accounts = accounts;
	overlay->account_count = pairs->count;
}

/* -- The rows ------------------------------------------------------------------------------------------------------------- */

static const char *const schema[] = {
	"CREATE TABLE account(account TEXT PRIMARY KEY, person TEXT NOT NULL, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	NULL
};

const struct tables account_tables = { "account", schema };

struct loading {
	size_t count;
	struct paired *each;
};

static bool
load(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct loading *loading = with;
	struct row row;

	loading->each = arena_take(arena, PAIRED_MOST * sizeof *loading->each);
	db_query(db, &row, "SELECT account, person, since FROM account ORDER BY account", "");
	while (loading->count < PAIRED_MOST && row_next(&row))
		loading->each[loading->count++] = (struct paired){ arena_text(arena, row_text(&row, 0)), arena_text(arena, row_text(&row, 1)), row_integer(&row, 2), 0 };
	return row_end(&row, error);
}

bool
pairs_load(struct task *task, struct pairs *pairs)
{
	struct work *work = work_new(load, sizeof(struct loading));
	const struct loading *loading = work_with(work);

	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < loading->count; i++)
		note(pairs, loading->each[i].account, loading->each[i].person, loading->each[i].since);
	return true;
}

struct changing {
	const char *account, *person;   /* person NULL: it is taken away */
	int64_t since;
	struct audit_entry audit;
};

static bool
write_change(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct changing *changing = with;

	(void)arena;
	if (changing->person && !db_run(db, error, "INSERT INTO account(account, person, since) VALUES(?,?,?)", "tti", changing->account, changing->person,
	    changing->since))
		return false;
	if (!changing->person && !db_run(db, error, "DELETE FROM account WHERE account=?", "t", changing->account))
		return false;
	return audit_write(db, &changing->audit, error);
}

static struct work *
work_to_change(const char *account, const char *person, int64_t since, const struct audit_entry *audit)
{
	struct work *work = work_new(write_change, sizeof(struct changing));
	struct changing *changing = work_with(work);
	struct arena *arena = work_arena(work);

	*changing = (struct changing){ arena_text(arena, account), arena_text(arena, person), since, audit_copy(arena, audit) };
	return work;
}

bool
pairs_add(struct task *task, struct pairs *pairs, const char *account, const char *person, int64_t now, const struct audit_entry *audit)
{
	if (!store_commit(task, work_to_change(account, person, now, audit)))
		return false;
	note(pairs, account, person, now);
	return true;
}

static void
take_out(struct pairs *pairs, const char *account)
{
	const struct paired *paired = find(pairs, account);

	if (paired)
		forget(pairs, (size_t)(paired - pairs->each));
}

bool
pairs_remove(struct task *task, struct pairs *pairs, const char *account, const struct audit_entry *audit)
{
	if (!store_commit(task, work_to_change(account, NULL, 0, audit)))
		return false;
	take_out(pairs, account);
	return true;
}

static void
left(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct changing *changing = work_with(work);

	(void)to;
	if (!committed)
		log_error("%s, paired by somebody who has left, could not be taken out: %s It counts for nothing, and is taken out after the next start.",
			changing->account, error->text);
}

size_t
pairs_revoke(const struct talk *talk, const char *person)
{
	struct pairs *pairs = talk->pairs;
	size_t count = 0;

	for (size_t i = pairs->count; i-- > 0;) {
		if (strcmp(pairs->each[i].person, person))
			continue;
		struct audit_entry audit = { .what = "unpaired", .person = person, .account = pairs->each[i].account, .result = "is no person any more" };
		struct work *work = work_to_change(pairs->each[i].account, NULL, 0, &audit);
		work_is_outcome(work);
		store_queue(talk->engine->store, work, left, NULL);
		forget(pairs, i);
		count++;
	}
	return count;
}

const char *
pairs_orphan(const struct pairs *pairs, bool (*is_person)(const char *name, const void *with), const void *with)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (!is_person(pairs->each[i].person, with))
			return pairs->each[i].person;
	return NULL;
}
