/* label: short ids for living things, drawn once for ever, and the latest card of each. */
#include "bridge/talk/label.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

enum { DIGITS_MOST = 9 };

/* A name is in capitals; a thing without a subject yet is found by its name alone. */
static const char *const schema[] = {
	"CREATE TABLE shortid(letter TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE label(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, instance TEXT NOT NULL, subject TEXT NOT NULL,"
	"  room TEXT, card TEXT, closed INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX label_subject ON label(kind, instance, subject) WHERE subject<>'';"
	"CREATE INDEX label_open ON label(kind, instance) WHERE closed=0;",
	NULL
};

const struct tables label_tables = { "label", schema };

#define COLUMNS "SELECT id, name, kind, instance, subject, room, card, closed FROM label "

bool
label_shaped(const char *word)
{
	size_t digits = isalpha((unsigned char)*word) ? strspn(word + 1, "0123456789") : 0;

	return digits > 0 && digits <= DIGITS_MOST && word[1] != '0' && !word[1 + digits];
}

static void
read_row(const struct row *row, struct arena *arena, struct label *out)
{
	*out = (struct label){
		.id = row_integer(row, 0), .name = arena_text(arena, row_text(row, 1)), .kind = arena_text(arena, row_text(row, 2)),
		.instance = arena_text(arena, row_text(row, 3)), .subject = arena_text(arena, row_text(row, 4)),
		.room = arena_text(arena, row_text(row, 5)), .card = arena_text(arena, row_text(row, 6)), .closed = row_integer(row, 7) != 0,
	};
}

/* The one row of a query that was begun. */
static bool
only_row(struct row *row, struct arena *arena, struct label *out)
{
	bool found = row_next(row);

	if (found)
		read_row(row, arena, out);
	return row_end(row, NULL) && found;
}

/* The number is drawn in the transaction that makes the thing; the counter only grows. */
static bool
draw_number(struct db *db, const char *letter, int64_t *number, struct error *error)
{
	struct row row;

	if (!db_run(db, error, "INSERT INTO shortid(letter, next) VALUES(?,2) ON CONFLICT(letter) DO UPDATE SET next=next+1", "t", letter))
		return false;
	db_query(db, &row, "SELECT next-1 FROM shortid WHERE letter=?", "t", letter);
	if (row_next(&row))
		*number = row_integer(&row, 0);
	return row_end(&row, error);
}

bool
label_numbers(struct db *db, int64_t next[LABEL_LETTERS], struct error *error)
{
	struct row row;

	memset(next, 0, LABEL_LETTERS * sizeof *next);
	db_query(db, &row, "SELECT letter, next FROM shortid", "");
	while (row_next(&row)) {
		const char *letter = row_text(&row, 0);
		if (letter && *letter >= 'A' && *letter <= 'Z')
			next[*letter - 'A'] = row_integer(&row, 1);
	}
	return row_end(&row, error);
}

/* Every letter: one that was not used then may have been since. */
bool
label_restored(struct db *db, int64_t by, const int64_t known[LABEL_LETTERS], struct error *error)
{
	for (int i = 0; i < LABEL_LETTERS; i++) {
		const char letter[2] = { (char)('A' + i), '\0' };
		if (!db_run(db, error, "INSERT INTO shortid(letter, next) VALUES(?1, max(1+?2, ?3))"
			" ON CONFLICT(letter) DO UPDATE SET next=max(next+?2, ?3)", "tii", letter, by, known[i]))
			return false;
	}
	return true;
}

bool
label_new(struct db *db, char letter, struct label *inout, struct arena *arena, struct error *error)
{
	const char text[2] = { (char)toupper((unsigned char)letter), '\0' };
	int64_t number = 0;

	if (!draw_number(db, text, &number, error))
		return false;
	inout->name = arena_printf(arena, "%s%lld", text, (long long)number);
	if (!db_run(db, error, "INSERT INTO label(name, kind, instance, subject, room, card, closed) VALUES(?,?,?,?,?,?,?)", "tttttti",
		inout->name, inout->kind, inout->instance, inout->subject ? inout->subject : "", inout->room, inout->card, (int64_t)inout->closed))
		return false;
	inout->id = db_last_id(db);
	return true;
}

static bool
one_changed(struct db *db, const char *name, struct error *error)
{
	return db_changed(db) == 1 || error_set(error, "There is no %s.", name);
}

bool
label_subject(struct db *db, const char *name, const char *subject, struct error *error)
{
	return db_run(db, error, "UPDATE label SET subject=? WHERE name=?", "tt", subject, name) && one_changed(db, name, error);
}

bool
label_card(struct db *db, const char *name, const char *card, bool closed, struct error *error)
{
	return db_run(db, error, "UPDATE label SET card=?, closed=? WHERE name=?", "tit", card, (int64_t)closed, name) && one_changed(db, name, error);
}

bool
label_get(struct db *db, const char *name, struct arena *arena, struct label *out)
{
	struct row row;

	db_query(db, &row, COLUMNS "WHERE name=upper(?)", "t", name);
	return only_row(&row, arena, out);
}

bool
label_of(struct db *db, const char *kind, const char *instance, const char *subject, struct arena *arena, struct label *out)
{
	struct row row;

	/* A thing that was taken up again has two ids: the newer one goes on. */
	db_query(db, &row, COLUMNS "WHERE kind=? AND instance=? AND subject=? AND subject<>'' ORDER BY id DESC LIMIT 1", "ttt", kind, instance, subject);
	return only_row(&row, arena, out);
}

void
label_open(struct db *db, const char *kind, const char *instance, const char *room, struct arena *arena,
	void (*each)(const struct label *, void *), void *with)
{
	struct row row;
	struct label label;

	db_query(db, &row, COLUMNS "WHERE closed=0 AND kind=? AND instance=? AND (?3 IS NULL OR room=?3) ORDER BY id", "ttt", kind, instance, room);
	while (row_next(&row)) {
		read_row(&row, arena, &label);
		each(&label, with);
	}
	row_end(&row, NULL);
}

/* From a task. */

struct looking {
	const char *name;               /* NULL: by its subject */
	const char *kind, *instance, *subject;
	bool found;
	struct label label;
};

static bool
look(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct looking *looking = with;

	(void)error;
	looking->found = looking->name ? label_get(db, looking->name, arena, &looking->label)
		: label_of(db, looking->kind, looking->instance, looking->subject, arena, &looking->label);
	return true;
}

static bool
look_for(struct task *task, const struct looking *what, struct label *out)
{
	struct work *work = work_new(look, sizeof(struct looking));
	struct looking *looking = work_with(work);
	struct arena *arena = work_arena(work);

	*looking = (struct looking){ .name = arena_text(arena, what->name), .kind = arena_text(arena, what->kind),
		.instance = arena_text(arena, what->instance), .subject = arena_text(arena, what->subject) };
	if (!store_commit(task, work) || !looking->found)
		return false;
	*out = looking->label;
	return true;
}

bool
label_look(struct task *task, const char *name, struct label *out)
{
	return look_for(task, &(struct looking){ .name = name }, out);
}

bool
label_look_of(struct task *task, const char *kind, const char *instance, const char *subject, struct label *out)
{
	return look_for(task, &(struct looking){ .kind = kind, .instance = instance, .subject = subject }, out);
}

enum { OPEN_MOST = 1000 };              /* that one look returns */

struct looking_open {
	const char *kind, *instance, *room;
	struct arena *arena;
	struct label *each;
	size_t count;
};

static void
keep_open(const struct label *label, void *with)
{
	struct looking_open *looking = with;

	if (!looking->each)
		looking->each = arena_take(looking->arena, OPEN_MOST * sizeof *looking->each);
	if (looking->count < OPEN_MOST)
		looking->each[looking->count++] = *label;
}

static bool
look_open(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct looking_open *looking = with;

	(void)error;
	looking->arena = arena;
	label_open(db, looking->kind, looking->instance, looking->room, arena, keep_open, looking);
	return true;
}

bool
label_look_open(struct task *task, const char *kind, const char *instance, const char *room, struct label **out, size_t *count)
{
	struct work *work = work_new(look_open, sizeof(struct looking_open));
	struct looking_open *looking = work_with(work);
	struct arena *arena = work_arena(work);

	*looking = (struct looking_open){ .kind = arena_text(arena, kind), .instance = arena_text(arena, instance), .room = arena_text(arena, room) };
	if (!store_commit(task, work))
		return false;
	*out = looking->each;
	*count = looking->count;
	return true;
}
