/* One-time codes as they are kept: allowed, begun, proven, spent once, blocked; over restarts and clocks that are set; no digit of one is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <liboath/oath.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/seal.h"
#include "bridge/run/store.h"
#include "bridge/work/code.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct tables *const tables[] = { &audit_tables, &code_tables, NULL };
static const struct audit_entry said = { .person = "alice", .account = "corp/alice", .proof = "account-tag", .place = "corp/alice" };

static struct {
	char folder[64];
	struct arena *arena;
	struct error error;
	struct seal *seal, *other;
	struct db *db;                  /* in a life */
	struct code_now now;
	unsigned char secret[TOTP_SECRET];
	char digits[TOTP_DIGITS + 1];
	char audit[4000];               /* results of the records */
} world;

static struct seal *
key(char digit)
{
	char digits[65] = "";

	memset(digits, digit, 64);
	const struct secret secret = { "a file", digits, 64 };
	return seal_open(&secret, world.folder, &world.error);
}

static int
begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof world);
	world.arena = arena_new();
	strcpy(world.folder, "/tmp/test_code.XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	world.seal = key('a');
	world.other = key('b');
	world.now = (struct code_now){ 1790000000000, 5 * HOUR };
	return 0;
}

static int
finish(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(arena_printf(world.arena, "%s/%s", world.folder, names[i]));
	assert_int_equal(rmdir(world.folder), 0);
	seal_close(world.seal);
	seal_close(world.other);
	arena_free(world.arena);
	redact_forget();
	return 0;
}

/* -- A life of the gateway: what happens in it is one transaction ------------------------------------------------------ */

typedef void life_fn(void);

static bool
run_life(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	(void)error;
	world.db = db;
	(*(life_fn **)with)();
	return true;
}

static void
live(life_fn *life)
{
	enum store_open_error why;

	if (!store_write(world.folder, tables, run_life, &life, world.arena, &why, &world.error))
		fail_msg("%s", world.error.text);
}

static void
pass(int64_t ms)
{
	world.now.wall += ms;
	world.now.mono += ms;
}

static void
allow(void)
{
	assert_true(code_allow(world.db, "alice", "bob", world.now, &world.error));
}

static bool
begins(void)
{
	return code_begin(world.db, world.seal, "alice", world.now, &said, world.secret, world.arena, &world.error);
}

/* What her telephone shows, `steps` from now. */
static const char *
shown(int steps)
{
	time_t when = (time_t)(world.now.wall / 1000 + steps * TOTP_STEP);

	assert_int_equal(oath_totp_generate((const char *)world.secret, TOTP_SECRET, when, TOTP_STEP, 0, TOTP_DIGITS, world.digits), OATH_OK);
	return world.digits;
}

static const char *
not_shown(void)
{
	shown(5);
	return world.digits;
}

static struct code_try
give_with(const struct seal *seal, const char *digits)
{
	struct code_try try = { .person = "alice", .now = world.now, .said = said, .seal = seal };

	memcpy(try.digits, digits, sizeof try.digits);
	assert_true(code_check(world.db, &try, world.arena, &world.error));
	assert_string_equal(try.digits, "");
	return try;
}

static struct code_try
give(const char *digits)
{
	return give_with(world.seal, digits);
}

static struct code
state_of(const char *person)
{
	struct code code;

	assert_true(code_read(world.db, person, world.now, world.arena, &code, &world.error));
	return code;
}

static bool
fresh(int64_t not_older)
{
	bool fresh;

	assert_true(code_fresh(world.db, "alice", not_older, world.now, &fresh, &world.error));
	return fresh;
}

static void
enrol(void)
{
	allow();
	assert_true(begins());
	struct code_try try = give(shown(0));
	assert_int_equal(try.answer, CODE_RIGHT);
	assert_true(try.proven);
	pass(MINUTE);
}

/* The newest comes first. */
static bool
add_result(const struct audit_record *record, void *with)
{
	char later[sizeof world.audit + 200];

	(void)with;
	if (strcmp(record->entry.what, "code"))
		return true;
	assert_string_equal(record->entry.account, "corp/alice");
	snprintf(later, sizeof later, "%.150s|%s", record->entry.result, world.audit);
	memcpy(world.audit, later, sizeof world.audit);
	return true;
}

static const char *
audited(void)
{
	struct audit_filter all = { 0 };

	world.audit[0] = '\0';
	assert_true(audit_list(world.db, &all, world.arena, add_result, NULL, &world.error));
	return world.audit;
}

/* -- Enrolling -------------------------------------------------------------------------------------------------------- */

static void
life_of_enrolment(void)
{
	assert_int_equal(state_of("alice").state, CODE_NONE);
	assert_false(begins());
	assert_non_null(strstr(world.error.text, "nobody allows you"));
	allow();
	assert_int_equal(state_of("alice").state, CODE_ALLOWED);
	assert_string_equal(state_of("alice").by, "bob");
	assert_true(begins());
	assert_int_equal(state_of("alice").state, CODE_BEGUN);
	pass(MINUTE);
	struct code_try try = give(shown(0));
	assert_int_equal(try.answer, CODE_RIGHT);
	assert_true(try.proven);
	assert_int_equal(state_of("alice").state, CODE_ENROLLED);
	assert_int_equal(state_of("alice").since, world.now.wall);
	assert_false(begins());
	assert_non_null(strstr(world.error.text, "set up already"));
	assert_int_equal(state_of("bob").state, CODE_NONE);
	assert_string_equal(audited(), "a new secret was made, to be proven|right: the codes are set up|");
}

static void
test_allowed_begun_and_proven(void **state)
{
	(void)state;
	live(life_of_enrolment);
}

static void
life_of_two_secrets(void)
{
	char first[TOTP_DIGITS + 1];

	allow();
	assert_true(begins());
	memcpy(first, shown(0), sizeof first);
	assert_true(begins());
	assert_int_equal(give(first).answer, CODE_WRONG);
	assert_int_equal(give(shown(0)).answer, CODE_RIGHT);
}

static void
test_who_begins_again_has_another_secret(void **state)
{
	(void)state;
	live(life_of_two_secrets);
}

static void
life_of_being_late(void)
{
	allow();
	pass(24 * HOUR);
	assert_int_equal(state_of("alice").state, CODE_NONE);
	assert_false(begins());
	allow();
	pass(24 * HOUR - MINUTE);
	assert_true(begins());
	pass(MINUTE);
	assert_int_equal(give(shown(0)).answer, CODE_NOT_ENROLLED);
	/* A clock that was set back does not make the day longer. */
	allow();
	world.now.mono += 25 * HOUR;
	assert_int_equal(state_of("alice").state, CODE_NONE);
	world.now.mono -= 25 * HOUR;
	world.now.wall -= HOUR;
	assert_int_equal(state_of("alice").state, CODE_NONE);
}

static void
test_what_was_allowed_ends_after_a_day(void **state)
{
	(void)state;
	live(life_of_being_late);
}

static void
life_of_a_new_telephone(void)
{
	char old[TOTP_DIGITS + 1];

	enrol();
	allow();                /* changes nothing of who is enrolled */
	assert_int_equal(state_of("alice").state, CODE_ENROLLED);
	assert_true(code_reset(world.db, "alice", &world.error));
	assert_int_equal(give(shown(0)).answer, CODE_NOT_ENROLLED);
	assert_false(fresh(HOUR));
	memcpy(old, shown(0), sizeof old);
	allow();
	assert_true(begins());
	assert_int_equal(give(old).answer, CODE_WRONG);
	assert_int_equal(give(shown(0)).answer, CODE_RIGHT);
}

static void
test_after_a_reset_the_old_secret_counts_no_more(void **state)
{
	(void)state;
	live(life_of_a_new_telephone);
}

/* -- Spending --------------------------------------------------------------------------------------------------------- */

static void
life_of_a_replay(void)
{
	enrol();
	struct code_try try = give(shown(0));
	assert_int_equal(try.answer, CODE_RIGHT);
	assert_false(try.proven);
	try = give(shown(0));
	assert_int_equal(try.answer, CODE_WRONG);
	assert_true(try.used);
	assert_int_equal(try.left, 4);
	assert_true(give(shown(-1)).used);
	assert_int_equal(give(shown(1)).answer, CODE_RIGHT);
	assert_string_equal(audited(), "a new secret was made, to be proven|right: the codes are set up|right, and spent|used before; 4 left|used before; 3 left|right, and spent|");
}

static void
life_after_a_replay(void)
{
	assert_true(give(shown(0)).used);
	/* Whoever writes the row cannot bring a step back either. */
	assert_false(db_run(world.db, &world.error, "UPDATE code SET last_step=last_step-1", ""));
	assert_non_null(strstr(world.error.text, "spent stays so"));
}

static void
test_a_code_counts_once_also_after_a_restart(void **state)
{
	(void)state;
	live(life_of_a_replay);
	live(life_after_a_replay);
}

static void
life_of_freshness(void)
{
	assert_false(fresh(HOUR));
	enrol();
	assert_true(fresh(2 * MINUTE));
	pass(HOUR);
	assert_int_equal(give(shown(0)).answer, CODE_RIGHT);
	pass(10 * MINUTE);
	assert_true(fresh(15 * MINUTE));
	assert_false(fresh(10 * MINUTE));
	assert_int_equal(give(not_shown()).answer, CODE_WRONG);
	assert_true(fresh(15 * MINUTE));
	/* Neither clock may be older, and none before it. */
	world.now.wall -= 5 * MINUTE;
	world.now.mono += 5 * MINUTE;
	assert_false(fresh(15 * MINUTE));
	world.now.mono -= 5 * MINUTE;
	assert_true(fresh(15 * MINUTE));
	world.now.wall -= 6 * MINUTE;
	assert_false(fresh(15 * MINUTE));
	world.now.wall += 11 * MINUTE;
}

/* The monotonic clock begins anew with the machine. */
static void
life_after_the_machine_started(void)
{
	world.now.mono = 3 * SECOND;
	assert_true(fresh(15 * MINUTE));
	world.now.mono = 300 * HOUR;
	assert_true(fresh(15 * MINUTE));
	world.now.wall += 5 * MINUTE;
	assert_false(fresh(15 * MINUTE));
}

static void
test_a_code_is_fresh_for_a_while(void **state)
{
	(void)state;
	live(life_of_freshness);
	live(life_after_the_machine_started);
}

/* -- Guessing --------------------------------------------------------------------------------------------------------- */

static void
guess(unsigned times)
{
	for (unsigned i = 0; i < times; i++, pass(SECOND))
		assert_int_equal(give(not_shown()).answer, CODE_WRONG);
}

static void
life_of_guessing(void)
{
	enrol();
	guess(4);
	struct code_try try = give(not_shown());
	assert_int_equal(try.answer, CODE_WRONG);
	assert_int_equal(try.left, 0);
	assert_int_equal(try.until, world.now.wall + CODE_BLOCKED_FOR);
	/* The right one is not looked at, and not spent. */
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	pass(14 * MINUTE);
	try = give(shown(0));
	assert_int_equal(try.answer, CODE_BLOCKED);
	assert_int_equal(try.until, world.now.wall + MINUTE);
	assert_int_equal(state_of("alice").blocked, world.now.wall + MINUTE);
}

static void
life_in_the_block(void)
{
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	assert_true(code_reset(world.db, "alice", &world.error));
	allow();
	assert_true(begins());
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	pass(MINUTE - 1);
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	pass(1);
	assert_int_equal(give(not_shown()).left, 4);
	assert_int_equal(give(shown(0)).answer, CODE_RIGHT);
}

static void
test_five_wrong_ones_block_over_restarts_and_resets(void **state)
{
	(void)state;
	live(life_of_guessing);
	live(life_in_the_block);
}

static void
life_of_a_clock_that_is_set(void)
{
	enrol();
	guess(5);
	world.now.wall += 72 * HOUR;
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	world.now.wall -= 144 * HOUR;
	assert_int_equal(give(shown(0)).answer, CODE_BLOCKED);
	world.now.mono += 15 * MINUTE;
	/* Three days back the telephone shows nothing that comes behind the last step. */
	assert_true(give(shown(0)).used);
}

static void
test_a_clock_that_is_set_ends_no_block(void **state)
{
	(void)state;
	live(life_of_a_clock_that_is_set);
}

static void
life_of_slips(void)
{
	enrol();
	guess(4);
	pass(10 * MINUTE);
	guess(4);               /* the first four are older than ten minutes */
	assert_int_equal(give(shown(0)).answer, CODE_RIGHT);
	pass(MINUTE);
	guess(4);               /* and a right one makes good what was wrong */
	pass(10 * MINUTE - 4 * SECOND);
	assert_int_equal(give(not_shown()).left, 1);
}

static void
test_slips_of_the_finger_do_not_add_up_for_ever(void **state)
{
	(void)state;
	live(life_of_slips);
}

static void
life_of_years(void)
{
	struct row row;

	enrol();
	for (int i = 0; i < 200; i++, pass(HOUR))
		give(not_shown());
	db_query(world.db, &row, "SELECT count(*) FROM code_wrong", "");
	assert_true(row_next(&row));
	assert_int_equal(row_integer(&row, 0), 2 * CODE_TRIES);
	row_end(&row, NULL);
}

static void
test_who_guesses_for_long_fills_nothing(void **state)
{
	(void)state;
	live(life_of_years);
}

/* -- What is kept ----------------------------------------------------------------------------------------------------- */

static void
life_with_another_key(void)
{
	enrol();
	struct code_try try = give_with(world.other, shown(0));
	assert_int_equal(try.answer, CODE_UNREADABLE);
	assert_non_null(strstr(try.why, "sealed with another key"));
	/* The secret of another person, put in the place of hers. */
	assert_true(db_run(world.db, &world.error, "INSERT INTO code(person, state, by, since, since_mono, since_boot, sealed, last_step)"
		" SELECT 'mallory', state, by, since, since_mono, since_boot, sealed, last_step FROM code", ""));
	struct code_try theirs = { .person = "mallory", .now = world.now, .said = said, .seal = world.seal };
	memcpy(theirs.digits, shown(0), sizeof theirs.digits);
	assert_true(code_check(world.db, &theirs, world.arena, &world.error));
	assert_int_equal(theirs.answer, CODE_UNREADABLE);
	assert_true(db_run(world.db, &world.error, "UPDATE code SET sealed=zeroblob(3) WHERE person='mallory'", ""));
	assert_true(code_check(world.db, &theirs, world.arena, &world.error));
	assert_int_equal(theirs.answer, CODE_UNREADABLE);
	assert_true(db_run(world.db, &world.error, "UPDATE code SET sealed=zeroblob(3000) WHERE person='mallory'", ""));
	assert_true(code_check(world.db, &theirs, world.arena, &world.error));
	assert_int_equal(theirs.answer, CODE_UNREADABLE);
	assert_non_null(strstr(audited(), "sealed with another key"));
}

static void
test_a_secret_that_cannot_be_read_is_said_and_audited(void **state)
{
	(void)state;
	live(life_with_another_key);
}

/* Whether the bytes stand anywhere in what is kept. */
static bool
is_kept(const void *bytes, size_t length)
{
	static char all[4 << 20];
	size_t size = 0;
	FILE *file = fopen(arena_printf(world.arena, "%s/sallyport.db", world.folder), "rb");

	assert_non_null(file);
	size = fread(all, 1, sizeof all, file);
	fclose(file);
	assert_in_range(size, 1000, sizeof all - 1);
	return memmem(all, size, bytes, length);
}

static char spoken[3][TOTP_DIGITS + 1];

static void
life_with_canaries(void)
{
	enrol();
	memcpy(spoken[0], shown(0), sizeof *spoken);
	memcpy(spoken[1], shown(7), sizeof *spoken);
	give(spoken[0]);
	give(spoken[0]);
	give(spoken[1]);
}

static void
test_neither_secret_nor_digits_are_kept(void **state)
{
	char base32[TOTP_SECRET * 2 + 1] = "";

	(void)state;
	live(life_with_canaries);
	const char *groups = totp_base32(world.arena, world.secret);
	for (const char *at = groups; *at; at++)
		strncat(base32, at, *at != ' ');
	assert_false(is_kept(world.secret, TOTP_SECRET));
	assert_false(is_kept(base32, strlen(base32)));
	assert_false(is_kept(groups, strlen(groups)));
	assert_false(is_kept(spoken[0], TOTP_DIGITS));
	assert_false(is_kept(spoken[1], TOTP_DIGITS));
	assert_true(is_kept("right, and spent", 16));
	/* Whoever has read it hides it: after a restart too. */
	assert_string_equal(redact_text(world.arena, base32), "[redacted]");
}

static void
test_what_is_written_down_of_what_was_typed(void **state)
{
	static const struct { const char *line; bool direct; const char *hidden, *digits; } rows[] = {
		{ "492817", true, "code ******", "492817" }, { " 492 817 ", true, "code ******", "492817" }, { "code 492817", true, "code ******", "492817" },
		{ "Code  492 817", true, "code ******", "492817" }, { "code 492817", false, "code ******", "492817" },
		{ "code 49281", true, "code ******", "" }, { "code 4928177", false, "code ******", "" }, { "code is 492817", true, "code ******", "" },
		{ "code 492817 --dry-run", true, "code ******", "" },
		{ "492817", false, "492817", "" }, { "49281", true, "49281", "" }, { "log B31 492817", true, "log B31 492817", "" },
		{ "code", true, "code", "" }, { "code begin", true, "code begin", "" }, { "code enrol alice2", false, "code enrol alice2", "" },
		{ "code reset 007", false, "code reset 007", "" }, { "codes 492817", true, "codes 492817", "" }, { "", true, "", "" },
	};
	char digits[TOTP_DIGITS + 1];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(code_hidden(world.arena, rows[i].line, rows[i].direct, digits), rows[i].hidden);
		assert_string_equal(digits, rows[i].digits);
	}
	assert_true(code_looks_like("492 817"));
	assert_false(code_looks_like("code 492817"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_allowed_begun_and_proven, begin, finish),
		cmocka_unit_test_setup_teardown(test_who_begins_again_has_another_secret, begin, finish),
		cmocka_unit_test_setup_teardown(test_what_was_allowed_ends_after_a_day, begin, finish),
		cmocka_unit_test_setup_teardown(test_after_a_reset_the_old_secret_counts_no_more, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_code_counts_once_also_after_a_restart, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_code_is_fresh_for_a_while, begin, finish),
		cmocka_unit_test_setup_teardown(test_five_wrong_ones_block_over_restarts_and_resets, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_set_ends_no_block, begin, finish),
		cmocka_unit_test_setup_teardown(test_slips_of_the_finger_do_not_add_up_for_ever, begin, finish),
		cmocka_unit_test_setup_teardown(test_who_guesses_for_long_fills_nothing, begin, finish),
		cmocka_unit_test_setup_teardown(test_a_secret_that_cannot_be_read_is_said_and_audited, begin, finish),
		cmocka_unit_test_setup_teardown(test_neither_secret_nor_digits_are_kept, begin, finish),
		cmocka_unit_test_setup_teardown(test_what_is_written_down_of_what_was_typed, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
