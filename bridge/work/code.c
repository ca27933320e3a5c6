/* code: the one-time codes of persons, as rows: who may set theirs up, their secret (sealed), what was spent of it, and wrong tries. */
#include "bridge/work/code.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/rights/seal.h"
#include "bridge/run/store.h"

/* Each time is one of the wall and one of the monotonic clock, which counts within one life of the gateway (boot). */
static const char *const schema[] = {
	"CREATE TABLE code(person TEXT PRIMARY KEY, state TEXT NOT NULL CHECK(state IN('allowed','begun','enrolled')), by TEXT NOT NULL,"
	"  since INTEGER NOT NULL, since_mono INTEGER NOT NULL, since_boot INTEGER NOT NULL,"
	"  sealed BLOB, last_step INTEGER NOT NULL DEFAULT 0,"
	"  given INTEGER NOT NULL DEFAULT 0, given_mono INTEGER NOT NULL DEFAULT 0, given_boot INTEGER NOT NULL DEFAULT 0,"
	"  CHECK((state='allowed')=(sealed IS NULL)), CHECK((state='enrolled')=(last_step>0))) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER code_forward BEFORE UPDATE ON code WHEN NEW.last_step<OLD.last_step"
	"  BEGIN SELECT RAISE(ABORT, 'a code that was spent stays so'); END;"
	/* Of a person: what was wrong lately, and with which one they were blocked. A reset does not take them out. */
	"CREATE TABLE code_wrong(id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL, wall INTEGER NOT NULL, mono INTEGER NOT NULL, boot INTEGER NOT NULL,"
	"  blocks INTEGER NOT NULL) STRICT;"
	"CREATE INDEX code_wrong_person ON code_wrong(person, id);",
	NULL
};

const struct tables code_tables = { "code", schema };

/* -- What people type ------------------------------------------------------------------------------------------------- */

bool
code_looks_like(const char *text)
{
	return totp_digits(text, NULL);
}

char *
code_hidden(struct arena *arena, const char *line, bool direct, char digits[TOTP_DIGITS + 1])
{
	static const char hidden[] = "code ******", verb[] = "code ";
	const char *rest = line + strspn(line, " ");

	digits[0] = '\0';
	if (direct && totp_digits(line, digits))
		return arena_text(arena, hidden);
	if (strncasecmp(rest, verb, strlen(verb)))
		return arena_text(arena, line);
	rest += strlen(verb);
	rest += strspn(rest, " ");
	/* The names of people may have digits. All else that has some may be a code, with one too few or a word beside it. */
	if (!strpbrk(rest, "0123456789") || !strncasecmp(rest, "enrol ", 6) || !strncasecmp(rest, "reset ", 6))
		return arena_text(arena, line);
	totp_digits(rest, digits);
	return arena_text(arena, hidden);
}

/* -- Times ------------------------------------------------------------------------------------------------------------ */

struct moment { int64_t wall, mono, boot; };

static struct moment
moment_of(struct db *db, const struct code_now *now)
{
	return (struct moment){ now->wall, now->mono, db_boot(db) };
}

static struct moment
read_moment(const struct row *row, int column)
{
	return (struct moment){ row_integer(row, column), row_integer(row, column + 1), row_integer(row, column + 2) };
}

static bool
by_wall(const struct moment *then, const struct moment *now, int64_t span)
{
	return now->wall >= then->wall && now->wall - then->wall < span;
}

static bool
by_mono(const struct moment *then, const struct moment *now, int64_t span)
{
	return now->boot == then->boot && now->mono - then->mono < span;
}

/* What is allowed for a while: neither clock says that it is over. */
static bool
still_allowed(const struct moment *then, const struct moment *now, int64_t span)
{
	return by_wall(then, now, span) && (now->boot != then->boot || by_mono(then, now, span));
}

/* What is held against somebody for a while: a clock that was set ends nothing early. */
static bool
still_held(const struct moment *then, const struct moment *now, int64_t span)
{
	return by_wall(then, now, span) || by_mono(then, now, span);
}

/* -- Rows ------------------------------------------------------------------------------------------------------------- */

struct stored {
	enum code_state state;
	const char *by;
	struct moment since, given;
	unsigned char sealed[TOTP_SECRET + SEAL_MORE];
	size_t sealed_size;
	int64_t last_step;
};

static const char *const state_names[] = { [CODE_NONE] = "", [CODE_ALLOWED] = "allowed", [CODE_BEGUN] = "begun", [CODE_ENROLLED] = "enrolled" };

static enum code_state
state_named(const char *name)
{
	enum code_state state = CODE_ENROLLED;

	while (state > CODE_NONE && strcmp(state_names[state], name))
		state--;
	return state;
}

static bool
read_stored(struct db *db, struct arena *arena, const char *person, const struct moment *now, struct stored *out, struct error *error)
{
	struct row row;

	*out = (struct stored){ 0 };
	db_query(db, &row, "SELECT state, by, since, since_mono, since_boot, given, given_mono, given_boot, last_step, sealed FROM code WHERE person=?", "t", person);
	if (row_next(&row)) {
		out->state = state_named(row_text(&row, 0));
		out->by = arena_text(arena, row_text(&row, 1));
		out->since = read_moment(&row, 2);
		out->given = read_moment(&row, 5);
		out->last_step = row_integer(&row, 8);
		const void *bytes = row_bytes(&row, 9, &out->sealed_size);
		if (bytes && out->sealed_size <= sizeof out->sealed)
			memcpy(out->sealed, bytes, out->sealed_size);
	}
	/* What was not finished in time was never begun. */
	if (out->state != CODE_ENROLLED && !still_allowed(&out->since, now, CODE_ENROL_WITHIN))
		out->state = CODE_NONE;
	return row_end(&row, error);
}

/* Wrong ones that count, and until when (wall ms) they are blocked; 0: they are not. */
static bool
read_wrong(struct db *db, const char *person, const struct moment *now, unsigned *wrong, int64_t *until, struct error *error)
{
	struct row row;

	*wrong = 0;
	*until = 0;
	db_query(db, &row, "SELECT wall, mono, boot, blocks FROM code_wrong WHERE person=? ORDER BY id DESC", "t", person);
	while (row_next(&row)) {
		struct moment at = read_moment(&row, 0);
		if (row_integer(&row, 3)) {
			int64_t left = by_mono(&at, now, CODE_BLOCKED_FOR) ? CODE_BLOCKED_FOR - (now->mono - at.mono) : CODE_BLOCKED_FOR - (now->wall - at.wall);
			*until = still_held(&at, now, CODE_BLOCKED_FOR) ? now->wall + left : 0;
			break;          /* those before it were paid for */
		}
		*wrong += still_held(&at, now, CODE_WITHIN);
	}
	return row_end(&row, error);
}

bool
code_read(struct db *db, const char *person, struct code_now now, struct arena *arena, struct code *out, struct error *error)
{
	struct moment moment = moment_of(db, &now);
	struct stored stored;
	unsigned wrong;

	*out = (struct code){ 0 };
	if (!read_stored(db, arena, person, &moment, &stored, error) || !read_wrong(db, person, &moment, &wrong, &out->blocked, error))
		return false;
	out->state = stored.state;
	out->by = stored.by;
	out->since = stored.since.wall;
	out->right = stored.given.wall;
	return true;
}

bool
code_fresh(struct db *db, const char *person, int64_t not_older_ms, struct code_now now, bool *fresh, struct error *error)
{
	struct moment moment = moment_of(db, &now), given;
	struct row row;

	*fresh = false;
	db_query(db, &row, "SELECT given, given_mono, given_boot FROM code WHERE person=? AND state='enrolled'", "t", person);
	if (row_next(&row)) {
		given = read_moment(&row, 0);
		*fresh = given.wall && still_allowed(&given, &moment, not_older_ms);
	}
	return row_end(&row, error);
}

/* -- Enrolling -------------------------------------------------------------------------------------------------------- */

bool
code_allow(struct db *db, const char *person, const char *by, struct code_now now, struct error *error)
{
	/* An enrolment stands until it is reset. */
	return db_run(db, error, "INSERT INTO code(person, state, by, since, since_mono, since_boot) VALUES(?,'allowed',?,?,?,?) ON CONFLICT(person) DO UPDATE"
		" SET state='allowed', by=excluded.by, since=excluded.since, since_mono=excluded.since_mono, since_boot=excluded.since_boot, sealed=NULL"
		" WHERE state<>'enrolled'", "ttiii", person, by, now.wall, now.mono, db_boot(db));
}

bool
code_reset(struct db *db, const char *person, struct error *error)
{
	return db_run(db, error, "DELETE FROM code WHERE person=?", "t", person);
}

static int
by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* The first with codes who is none of these; NULL: there is nobody. */
static bool
somebody_else(struct db *db, const char *const *persons, size_t count, struct arena *arena, const char **out, struct error *error)
{
	struct row row;

	*out = NULL;
	db_query(db, &row, "SELECT person FROM code ORDER BY person", "");
	while (!*out && row_next(&row)) {
		const char *person = row_text(&row, 0);
		if (!count || !bsearch(&person, persons, count, sizeof *persons, by_name))
			*out = arena_text(arena, person);
	}
	return row_end(&row, error);
}

bool
code_keep_only(struct db *db, const char *const *persons, size_t count, struct arena *arena, const char **gone, struct error *error)
{
	struct text names = text_in(arena, 300);
	const char *person;

	while (somebody_else(db, persons, count, arena, &person, error) && person) {
		const struct audit_entry entry = { .what = "code", .person = person, .result = "the codes are gone: is no person any more" };
		if (!code_reset(db, person, error) || !audit_write(db, &entry, error))
			return false;
		text_printf(&names, "%s%s", names.length ? ", " : "", person);
	}
	*gone = names.bytes;
	return !person;
}

static const char *
purpose(struct arena *arena, const char *person)
{
	return arena_printf(arena, "code/%s", person);
}

bool
code_begin(struct db *db, const struct seal *seal, const char *person, struct code_now now, const struct audit_entry *said,
	unsigned char secret[TOTP_SECRET], struct arena *arena, struct error *error)
{
	struct moment moment = moment_of(db, &now);
	unsigned char sealed[TOTP_SECRET + SEAL_MORE];
	struct audit_entry record = *said;
	struct stored stored;

	if (!read_stored(db, arena, person, &moment, &stored, error))
		return false;
	if (stored.state == CODE_ENROLLED)
		return error_set(error, "your codes are set up already; for another telephone an administrator resets them first");
	if (stored.state == CODE_NONE)
		return error_set(error, "nobody allows you to set up codes now");
	if (!totp_make(secret, error) || !seal_shut(seal, purpose(arena, person), secret, TOTP_SECRET, sealed, error))
		return false;
	record.what = "code";
	record.command = "code begin";
	record.result = "a new secret was made, to be proven";
	return db_run(db, error, "UPDATE code SET state='begun', sealed=? WHERE person=?", "bt", (const void *)sealed, sizeof sealed, person)
	    && audit_write(db, &record, error);
}

/* -- Checking --------------------------------------------------------------------------------------------------------- */

static bool
spend(struct db *db, const char *person, const struct moment *now, int64_t step, bool proven, struct error *error)
{
	if (proven && !db_run(db, error, "UPDATE code SET since=?, since_mono=?, since_boot=? WHERE person=?", "iiit", now->wall, now->mono, now->boot, person))
		return false;
	return db_run(db, error, "UPDATE code SET state='enrolled', last_step=?, given=?, given_mono=?, given_boot=? WHERE person=?", "iiiit", step,
			now->wall, now->mono, now->boot, person)
		&& db_run(db, error, "DELETE FROM code_wrong WHERE person=?", "t", person);
}

/* Those of today are enough to see that somebody guesses; who guesses for years fills nothing. */
static bool
note_wrong(struct db *db, const char *person, const struct moment *now, bool blocks, struct error *error)
{
	return db_run(db, error, "INSERT INTO code_wrong(person, wall, mono, boot, blocks) VALUES(?,?,?,?,?)", "tiiii", person, now->wall, now->mono, now->boot,
			(int64_t)blocks)
		&& db_run(db, error, "DELETE FROM code_wrong WHERE person=? AND id NOT IN (SELECT id FROM code_wrong WHERE person=? ORDER BY id DESC LIMIT ?)", "tti",
			person, person, (int64_t)(2 * CODE_TRIES));
}

static enum totp
compare(const struct code_try *try, const struct stored *stored, const unsigned char secret[TOTP_SECRET], int64_t *step)
{
	totp_hide(secret);
	return totp_check(secret, try->digits, try->now.wall, stored->last_step, step);
}

static bool
check(struct db *db, struct code_try *try, const struct stored *stored, unsigned wrong, struct arena *arena, struct error *error)
{
	struct moment now = moment_of(db, &try->now);
	unsigned char secret[TOTP_SECRET];
	int64_t step = 0;
	struct error why;

	if (!seal_break(try->seal, purpose(arena, try->person), stored->sealed, stored->sealed_size, secret, TOTP_SECRET, &why)) {
		try->answer = CODE_UNREADABLE;
		try->why = arena_text(arena, why.text);
		return true;
	}
	enum totp found = compare(try, stored, secret, &step);
	secret_wipe(secret, sizeof secret);
	if (found == TOTP_RIGHT) {
		try->answer = CODE_RIGHT;
		try->proven = stored->state == CODE_BEGUN;
		return spend(db, try->person, &now, step, try->proven, error);
	}
	try->answer = CODE_WRONG;
	try->used = found == TOTP_SPENT;
	try->left = CODE_TRIES - wrong - 1;
	try->until = try->left ? 0 : now.wall + CODE_BLOCKED_FOR;
	return note_wrong(db, try->person, &now, !try->left, error);
}

static const char *
result(const struct code_try *try, struct arena *arena)
{
	switch (try->answer) {
	case CODE_RIGHT: return try->proven ? "right: the codes are set up" : "right, and spent";
	case CODE_WRONG: return arena_printf(arena, "%s; %u left", try->used ? "used before" : "wrong", try->left);
	case CODE_BLOCKED: return "blocked: not looked at";
	case CODE_NOT_ENROLLED: return "not enrolled";
	case CODE_UNREADABLE: return try->why;
	}
	return NULL;
}

static bool
answer(struct db *db, struct code_try *try, struct arena *arena, struct error *error)
{
	struct moment now = moment_of(db, &try->now);
	struct stored stored;
	unsigned wrong;

	if (!read_stored(db, arena, try->person, &now, &stored, error) || !read_wrong(db, try->person, &now, &wrong, &try->until, error))
		return false;
	if (try->until)
		try->answer = CODE_BLOCKED;
	else if (stored.state < CODE_BEGUN)
		try->answer = CODE_NOT_ENROLLED;
	else
		return check(db, try, &stored, wrong, arena, error);
	return true;
}

bool
code_check(struct db *db, struct code_try *try, struct arena *arena, struct error *error)
{
	bool fine = answer(db, try, arena, error);
	struct audit_entry record = try->said;

	secret_wipe(try->digits, sizeof try->digits);
	record.what = "code";
	record.command = "code";
	record.decision = try->answer == CODE_RIGHT ? "allowed" : "refused";
	record.result = fine ? result(try, arena) : NULL;
	return fine && audit_write(db, &record, error);
}
