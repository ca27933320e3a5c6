/* The audit as a table, lines of JSON and CSV: what foreign words in it cannot do to a terminal, a reader of lines or a spreadsheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/report.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/checkpoint.h"
#include "bridge/run/store.h"

static const struct tables *const all_tables[] = { &audit_tables, &checkpoint_tables, NULL };

struct asking {
	const char *words[8];
	struct text out;
	int code;
};

static bool
write_some(struct db *db, void *with, struct arena *arena, struct error *error)
{
	static const struct audit_entry entries[] = {
		{ .what = "asked", .person = "alice", .account = "corp/alice", .room = "ops", .instance = "ci", .command = "ci build \"web\", now", .decision = "allowed",
			.rule = "all (c:4)" },
		{ .what = "refused", .account = "=HYPERLINK(\"http://evil.example\")", .command = "+1\n-2\x1b[31m", .decision = "refused: no rule" },
		{ .what = "refused", .account = "@SUM(A1)", .command = "-x", .decision = "refused: no rule" },
	};

	(void)with;
	(void)arena;
	for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
		if (!audit_write(db, &entries[i], error))
			return false;
	return true;
}

static bool
ask(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct asking *asking = with;

	asking->out = text_in(arena, 100000);
	return report_audit(db, asking->words, arena, &asking->out, &asking->code, error);
}

struct fixture {
	char folder[64];
	struct arena *arena;
};

static int
make(void **state)
{
	struct fixture *fixture = memory_take(sizeof *fixture);
	enum store_open_error why;
	struct error error;

	snprintf(fixture->folder, sizeof fixture->folder, "/tmp/test-report-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	fixture->arena = arena_new();
	assert_true(store_write(fixture->folder, all_tables, write_some, NULL, fixture->arena, &why, &error));
	*state = fixture;
	return 0;
}

static int
unmake(void **state)
{
	static const char *const names[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(arena_printf(fixture->arena, "%s/%s", fixture->folder, names[i]));
	rmdir(fixture->folder);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static const char *
said(struct fixture *fixture, struct asking asking, int code)
{
	struct error error;

	assert_true(store_read(fixture->folder, ask, &asking, fixture->arena, &error));
	if (asking.code != code)
		fail_msg("%d: %s", asking.code, asking.out.bytes);
	return asking.out.bytes;
}

static void
test_a_spreadsheet_finds_no_formula_and_every_cell_in_its_place(void **state)
{
	const char *csv = said(*state, (struct asking){ .words = { "list", "--csv" } }, EX_OK);

	assert_true(!strncmp(csv, "seq,time,what,person,account,proof,room,place,instance,command,decision,rule,outcome,result\r\n1,2", 95));
	assert_non_null(strstr(csv, "Z,\"asked\",\"alice\",\"corp/alice\",\"\",\"ops\",\"\",\"ci\",\"ci build \"\"web\"\", now\",\"allowed\",\"all (c:4)\",\"allowed\",\"\"\r\n"));
	assert_non_null(strstr(csv, ",\"'=HYPERLINK(\"\"http://evil.example\"\")\","));
	assert_non_null(strstr(csv, ",\"'+1 -2\","));
	assert_non_null(strstr(csv, ",\"'@SUM(A1)\","));
	assert_non_null(strstr(csv, ",\"'-x\","));
	assert_null(strchr(csv, '\x1b'));
	size_t lines = 0;
	for (const char *at = csv; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 4);
}

static void
test_each_line_of_json_is_a_record(void **state)
{
	struct fixture *fixture = *state;
	const char *at = said(fixture, (struct asking){ .words = { "list", "--json", "--result", "refused" } }, EX_OK);

	for (int64_t seq = 2; seq <= 3; seq++) {
		size_t length = strcspn(at, "\n");
		struct json_object *line = json_read(fixture->arena, at, length, NULL);
		assert_int_equal(json_integer(line, "seq", 0), seq);
		assert_string_equal(json_string(line, "what", ""), "refused");
		at += length + 1;
	}
	assert_string_equal(at, "");
}

static void
test_a_table_has_the_newest_last_and_obeys_its_options(void **state)
{
	const char *table = said(*state, (struct asking){ .words = { "list", "--limit", "2" } }, EX_OK);

	assert_null(strstr(table, "corp/alice"));
	assert_true(strstr(table, "=HYPERLINK") < strstr(table, "@SUM"));
	assert_null(strchr(table, '\x1b'));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "list", "--instance", "ci", "--since", "today", "--person", "alice" } }, EX_OK), "ci build"));
	assert_null(strstr(said(*state, (struct asking){ .words = { "list", "--until", "1h" } }, EX_OK), "ci build"));
	assert_null(strstr(said(*state, (struct asking){ .words = { "list", "--room", "shop" } }, EX_OK), "ci build"));
	assert_null(strstr(said(*state, (struct asking){ .words = { "list", "--id", "B1" } }, EX_OK), "ci build"));
}

static void
test_words_that_do_not_fit_are_told(void **state)
{
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "list", "--colour", "red" } }, EX_USAGE), "There is no option --colour"));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "list", "--person" } }, EX_USAGE), "wants a value"));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "list", "--since", "soon" } }, EX_USAGE), "--since is today"));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "list", "--limit", "0" } }, EX_USAGE), "--limit is a number"));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { "sing" } }, EX_USAGE), "It is audit list"));
	assert_non_null(strstr(said(*state, (struct asking){ .words = { NULL } }, EX_USAGE), "It is audit list"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_spreadsheet_finds_no_formula_and_every_cell_in_its_place),
		cmocka_unit_test(test_each_line_of_json_is_a_record),
		cmocka_unit_test(test_a_table_has_the_newest_last_and_obeys_its_options),
		cmocka_unit_test(test_words_that_do_not_fit_are_told),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
