/* approval_rows: what waits for a yes, and who said it, as rows of the store. */
#include "bridge/work/approval_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"

/* Nobody approves their own request, and nobody twice: the table sees to both. A row stays when it waits no more, with its votes. */
static const char *const schema[] = {
	"CREATE TABLE approval(intent INTEGER PRIMARY KEY, stage INTEGER NOT NULL CHECK(stage IN(0,1,2)), person TEXT NOT NULL, label TEXT NOT NULL UNIQUE,"
	"  room TEXT, place TEXT NOT NULL, about TEXT NOT NULL, needs TEXT NOT NULL, need TEXT NOT NULL, code BLOB NOT NULL UNIQUE CHECK(length(code)=32),"
	"  hash BLOB NOT NULL CHECK(length(hash)=32), asked INTEGER NOT NULL, until INTEGER NOT NULL, within INTEGER NOT NULL, confirm_within INTEGER NOT NULL, code_age INTEGER NOT NULL, reaction INTEGER NOT NULL, waits INTEGER NOT NULL DEFAULT 1) STRICT;"
	"CREATE INDEX approval_waits ON approval(intent) WHERE waits=1;"
	"CREATE TABLE vote(intent INTEGER NOT NULL REFERENCES approval(intent), person TEXT NOT NULL, account TEXT NOT NULL, proof TEXT NOT NULL,"
	"  how TEXT NOT NULL, yes INTEGER NOT NULL, meets INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(intent, person)) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER vote_other BEFORE INSERT ON vote WHEN NEW.yes AND NEW.person=(SELECT person FROM approval WHERE intent=NEW.intent)"
	"  BEGIN SELECT RAISE(ABORT, 'nobody approves their own request'); END;"
	"CREATE TRIGGER vote_waits BEFORE INSERT ON vote WHEN NOT (SELECT waits FROM approval WHERE intent=NEW.intent)"
	"  BEGIN SELECT RAISE(ABORT, 'it waits for nobody any more'); END;"
	"CREATE TRIGGER vote_keep BEFORE UPDATE ON vote BEGIN SELECT RAISE(ABORT, 'a vote stays as it was given'); END;",

	"ALTER TABLE vote ADD COLUMN message TEXT; CREATE INDEX vote_message ON vote(message) WHERE message IS NOT NULL;",
	NULL
};

const struct tables approval_tables = { "approval", schema };

#define COLUMNS "SELECT intent, stage, person, label, room, place, about, needs, need, code, hash, asked, until, within, reaction, confirm_within, code_age FROM approval "

const char *
approval_need_text(struct arena *arena, const struct approval_row *approval)
{
	struct text text = text_in(arena, 2000);

	for (size_t i = 0; i < approval->need_count; i++)
		text_printf(&text, "%s%lld %s", i ? "\n" : "", (long long)approval->need[i].count, approval->need[i].role);
	return text.bytes;
}

static void
read_need(struct arena *arena, const char *text, struct approval_row *out)
{
	while (text && *text && out->need_count < NEED_MOST) {
		struct need *need = &out->need[out->need_count++];
		char *end;
		need->count = strtoll(text, &end, 10);
		end += *end == ' ';
		need->role = arena_slice(arena, end, strcspn(end, "\n"));
		text = end + strlen(need->role);
		text += *text == '\n';
	}
}

static void
row_hash(const struct row *row, int column, unsigned char out[APPROVAL_HASH])
{
	size_t length;
	const void *bytes = row_bytes(row, column, &length);

	if (length == APPROVAL_HASH)
		memcpy(out, bytes, length);
}

static void
read_row(const struct row *row, struct arena *arena, struct approval_row *out)
{
	*out = (struct approval_row){ .intent = row_integer(row, 0), .stage = (enum stage)row_integer(row, 1), .person = arena_text(arena, row_text(row, 2)),
		.label = arena_text(arena, row_text(row, 3)), .room = arena_text(arena, row_text(row, 4)), .place = arena_text(arena, row_text(row, 5)),
		.about = arena_text(arena, row_text(row, 6)), .needs = arena_text(arena, row_text(row, 7)), .asked = row_integer(row, 11),
		.until = row_integer(row, 12), .within = row_integer(row, 13), .reaction = row_integer(row, 14) != 0,
		.confirm_within = row_integer(row, 15), .code_age = row_integer(row, 16) };
	read_need(arena, row_text(row, 8), out);
	row_hash(row, 9, out->code);
	row_hash(row, 10, out->hash);
}

bool
approval_write(struct db *db, const struct approval_row *approval, struct error *error)
{
	struct arena *arena = arena_new();
	bool fine = db_run(db, error, "INSERT INTO approval(intent, stage, person, label, room, place, about, needs, need, code, hash, asked, until, within, reaction, confirm_within, code_age)"
		" VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", "iitttttttbbiiiiii", approval->intent, (int64_t)approval->stage, approval->person, approval->label,
		approval->room, approval->place, approval->about, approval->needs, approval_need_text(arena, approval), (const void *)approval->code,
		(size_t)APPROVAL_HASH, (const void *)approval->hash, (size_t)APPROVAL_HASH, approval->asked, approval->until,
		approval->within, (int64_t)approval->reaction, approval->confirm_within, approval->code_age);

	arena_free(arena);
	return fine;
}

bool
approval_to_stage(struct db *db, const struct approval_row *row, struct error *error)
{
	return db_run(db, error, "UPDATE approval SET stage=?, until=?, hash=? WHERE intent=? AND waits=1", "iibi", (int64_t)row->stage, row->until,
		(const void *)row->hash, (size_t)APPROVAL_HASH, row->intent);
}

bool
approval_read(struct db *db, int64_t intent, struct arena *arena, struct approval_row *out, bool *found, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE intent=?", "i", intent);
	*found = row_next(&row);
	if (*found)
		read_row(&row, arena, out);
	return row_end(&row, error);
}

bool
approval_find(struct db *db, const char *label, const unsigned char code[APPROVAL_HASH], struct arena *arena, struct approval_row *out, bool *found,
	struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE waits=1 AND (label=upper(?) OR code=?)", "tb", label, (const void *)code, (size_t)APPROVAL_HASH);
	*found = row_next(&row);
	if (*found)
		read_row(&row, arena, out);
	return row_end(&row, error);
}

bool
approval_each(struct db *db, struct arena *arena, void (*each)(const struct approval_row *, void *), void *with, struct error *error)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE waits=1 ORDER BY intent", "");
	while (row_next(&row)) {
		struct approval_row one;
		read_row(&row, arena, &one);
		each(&one, with);
	}
	return row_end(&row, error);
}

bool
approval_done(struct db *db, int64_t intent, struct error *error)
{
	return db_run(db, error, "UPDATE approval SET waits=0 WHERE intent=?", "i", intent);
}

/* Votes. */

bool
vote_list(struct db *db, int64_t intent, struct arena *arena, struct vote out[VOTES_MOST], size_t *count, struct error *error)
{
	struct row row;

	*count = 0;
	db_query(db, &row, "SELECT person, account, proof, how, yes, meets, at, message FROM vote WHERE intent=? ORDER BY at, person", "i", intent);
	while (*count < VOTES_MOST && row_next(&row))
		out[(*count)++] = (struct vote){ arena_text(arena, row_text(&row, 0)), arena_text(arena, row_text(&row, 1)), arena_text(arena, row_text(&row, 2)),
			arena_text(arena, row_text(&row, 3)), row_integer(&row, 4) != 0, row_integer(&row, 5), row_integer(&row, 6),
			arena_text(arena, row_text(&row, 7)) };
	return row_end(&row, error);
}

void
vote_missing(const struct approval_row *approval, const struct vote *votes, size_t count, int64_t missing[NEED_MOST])
{
	for (size_t n = 0; n < approval->need_count; n++) {
		missing[n] = approval->need[n].count;
		for (size_t i = 0; i < count; i++)
			if (votes[i].yes && votes[i].meets >> n & 1 && missing[n] > 0)
				missing[n]--;
	}
}

bool
vote_write(struct db *db, const struct approval_row *approval, const struct vote *vote, struct arena *arena, bool *first, bool *met, struct error *error)
{
	struct vote votes[VOTES_MOST];
	int64_t missing[NEED_MOST];
	size_t count;

	if (!db_run(db, error, "INSERT INTO vote(intent, person, account, proof, how, yes, meets, at, message) VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
	    "ittttiiit", approval->intent, vote->person, vote->account, vote->proof, vote->how, (int64_t)vote->yes, vote->meets, vote->at, vote->message))
		return false;
	*first = db_changed(db) > 0;
	if (!vote_list(db, approval->intent, arena, votes, &count, error))
		return false;
	vote_missing(approval, votes, count, missing);
	*met = true;
	for (size_t n = 0; n < approval->need_count; n++)
		*met = *met && !missing[n];
	return true;
}

bool
vote_said_by(struct db *db, const char *message, int64_t *intent, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT intent FROM vote WHERE message=? AND intent IN(SELECT intent FROM approval WHERE waits=1)", "t", message);
	*intent = row_next(&row) ? row_integer(&row, 0) : 0;
	return row_end(&row, error);
}

bool
vote_withdraw(struct db *db, int64_t intent, const char *message, struct error *error)
{
	return db_run(db, error, "DELETE FROM vote WHERE intent=? AND message=?", "it", intent, message);
}

bool
approval_restored(struct db *db, struct error *error)
{
	return db_run(db, error, "UPDATE approval SET waits=0 WHERE waits=1", "");
}
