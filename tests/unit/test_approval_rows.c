/* What waits for a yes, and who said it, as rows: what goes in comes out, and the tables themselves refuse what must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/store_db.h"
#include "bridge/work/approval_rows.h"

static const struct tables *const all_tables[] = { &approval_tables, NULL };
static struct arena *arena;
static struct db db;
static struct error error;
static char folder[64];

static int
begin(void **state)
{
	enum store_open_error why;

	(void)state;
	arena = arena_new();
	snprintf(folder, sizeof folder, "/tmp/sallyport-approvals-XXXXXX");
	assert_non_null(mkdtemp(folder));
	db = (struct db){ 0 };
	if (!db_open(&db, folder, all_tables, &why, &error))
		fail_msg("%s", error.text);
	return 0;
}

static int
end(void **state)
{
	char command[100];

	(void)state;
	db_close(&db);
	arena_free(arena);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

static struct approval_row
row_of(int64_t intent, const char *label)
{
	struct approval_row row = { .intent = intent, .stage = STAGE_VOTES, .person = "alice", .label = label, .place = "corp/#ops", .about = "ci build web",
		.needs = "prod", .need = { { 2, "deployer" }, { 1, "lead" } }, .need_count = 2, .reaction = true, .asked = 1000, .until = 9000, .within = 8000,
		.confirm_within = 60, .code_age = 70 };

	memset(row.code, (int)intent, sizeof row.code);
	memset(row.hash, (int)intent + 100, sizeof row.hash);
	return row;
}

static void
keep(int64_t intent, const char *label)
{
	const struct approval_row row = row_of(intent, label);

	assert_true(approval_write(&db, &row, &error));
}

static void
test_what_goes_in_comes_out(void **state)
{
	struct approval_row row = row_of(7, "B7"), read;
	bool found;

	(void)state;
	row.room = "ops";
	assert_true(approval_write(&db, &row, &error));
	assert_true(approval_read(&db, 7, arena, &read, &found, &error) && found);
	assert_int_equal(read.intent, 7);
	assert_int_equal(read.stage, STAGE_VOTES);
	assert_string_equal(read.person, "alice");
	assert_string_equal(read.label, "B7");
	assert_string_equal(read.room, "ops");
	assert_string_equal(read.place, "corp/#ops");
	assert_string_equal(read.about, "ci build web");
	assert_string_equal(read.needs, "prod");
	assert_int_equal(read.need_count, 2);
	assert_int_equal(read.need[0].count, 2);
	assert_string_equal(read.need[0].role, "deployer");
	assert_int_equal(read.need[1].count, 1);
	assert_string_equal(read.need[1].role, "lead");
	assert_true(read.reaction);
	assert_memory_equal(read.code, row.code, sizeof row.code);
	assert_memory_equal(read.hash, row.hash, sizeof row.hash);
	assert_int_equal(read.asked, 1000);
	assert_int_equal(read.until, 9000);
	assert_int_equal(read.within, 8000);
	assert_int_equal(read.confirm_within, 60);
	assert_int_equal(read.code_age, 70);
	assert_string_equal(approval_need_text(arena, &read), "2 deployer\n1 lead");
	assert_true(approval_read(&db, 8, arena, &read, &found, &error));
	assert_false(found);
}

/* As many roles as there may be, and a request that waits for its own asker alone. */
static void
test_needs_of_all_sizes(void **state)
{
	struct approval_row most = row_of(1, "B1"), none = row_of(2, "B2"), read;
	bool found;

	(void)state;
	most.need_count = NEED_MOST;
	for (size_t i = 0; i < NEED_MOST; i++)
		most.need[i] = (struct need){ (int64_t)i + 1, arena_printf(arena, "role %zu", i) };
	none.need_count = 0;
	none.stage = STAGE_CONFIRM;
	none.reaction = false;
	assert_true(approval_write(&db, &most, &error) && approval_write(&db, &none, &error));
	assert_true(approval_read(&db, 1, arena, &read, &found, &error));
	assert_int_equal(read.need_count, NEED_MOST);
	assert_int_equal(read.need[NEED_MOST - 1].count, NEED_MOST);
	assert_string_equal(read.need[NEED_MOST - 1].role, "role 7");
	assert_true(approval_read(&db, 2, arena, &read, &found, &error));
	assert_int_equal(read.need_count, 0);
	assert_false(read.reaction);
	assert_null(read.room);
}

static void
test_it_is_found_by_its_id_and_by_its_code(void **state)
{
	struct approval_row one = row_of(1, "B1"), read;
	const unsigned char other[APPROVAL_HASH] = { 0 };
	bool found;

	(void)state;
	keep(1, "B1");
	keep(2, "B2");
	assert_true(approval_find(&db, "b2", other, arena, &read, &found, &error) && found);
	assert_int_equal(read.intent, 2);
	assert_true(approval_find(&db, "K7MQ", one.code, arena, &read, &found, &error) && found);
	assert_int_equal(read.intent, 1);
	assert_true(approval_find(&db, "B3", other, arena, &read, &found, &error));
	assert_false(found);
	/* What waits no more is not found, but can be read. */
	assert_true(approval_done(&db, 2, &error));
	assert_true(approval_find(&db, "B2", other, arena, &read, &found, &error));
	assert_false(found);
	assert_true(approval_read(&db, 2, arena, &read, &found, &error) && found);
}

static void
collect(const struct approval_row *row, void *with)
{
	char *all = with;

	strcat(all, row->label);
}

static void
test_those_that_wait_come_oldest_first(void **state)
{
	char all[64] = "";

	(void)state;
	keep(3, "B3");
	keep(1, "B1");
	keep(2, "B2");
	assert_true(approval_done(&db, 2, &error));
	assert_true(approval_each(&db, arena, collect, all, &error));
	assert_string_equal(all, "B1B3");
	assert_true(approval_restored(&db, &error));
	*all = '\0';
	assert_true(approval_each(&db, arena, collect, all, &error));
	assert_string_equal(all, "");
}

static void
test_a_stage_goes_on_only_while_it_waits(void **state)
{
	struct approval_row row = row_of(1, "B1"), read;
	bool found;

	(void)state;
	keep(1, "B1");
	row.stage = STAGE_CODE;
	row.until = 5;
	memset(row.hash, 9, sizeof row.hash);
	assert_true(approval_to_stage(&db, &row, &error));
	assert_true(approval_read(&db, 1, arena, &read, &found, &error));
	assert_int_equal(read.stage, STAGE_CODE);
	assert_int_equal(read.until, 5);
	assert_memory_equal(read.hash, row.hash, sizeof row.hash);
	assert_true(approval_done(&db, 1, &error));
	row.stage = STAGE_VOTES;
	assert_true(approval_to_stage(&db, &row, &error));
	assert_true(approval_read(&db, 1, arena, &read, &found, &error));
	assert_int_equal(read.stage, STAGE_CODE);
}

static bool
vote(int64_t intent, const char *person, int64_t meets, bool yes, bool *first, bool *met)
{
	const struct approval_row row = row_of(intent, "B1");
	const struct vote one = { person, arena_printf(arena, "corp/%s", person), "tag", "corp", yes, meets, 2000, arena_printf(arena, "m-%s", person) };

	return vote_write(&db, &row, &one, arena, first, met, &error);
}

static void
test_votes_are_counted_by_person_and_role(void **state)
{
	struct vote votes[VOTES_MOST];
	size_t count;
	bool first, met;

	(void)state;
	keep(1, "B1");
	assert_true(vote(1, "bob", 1, true, &first, &met));
	assert_true(first && !met);
	assert_true(vote(1, "bob", 3, true, &first, &met));     /* the same person says it once */
	assert_true(!first && !met);
	assert_true(vote(1, "carol", 2, true, &first, &met));
	assert_true(first && !met);
	assert_true(vote(1, "dana", 1, false, &first, &met));   /* a no is none */
	assert_true(first && !met);
	assert_true(vote(1, "erin", 3, true, &first, &met));    /* of both roles: one person in each */
	assert_true(first && met);
	assert_true(vote_list(&db, 1, arena, votes, &count, &error));
	assert_int_equal(count, 4);
	assert_string_equal(votes[0].person, "bob");
	assert_int_equal(votes[0].meets, 1);
	assert_string_equal(votes[3].how, "corp");
	assert_false(votes[2].yes);
}

static void
test_the_table_refuses_what_must_not_be(void **state)
{
	const struct approval_row again = row_of(1, "B9");
	bool first, met;

	(void)state;
	keep(1, "B1");
	assert_false(vote(1, "alice", 1, true, &first, &met));
	assert_non_null(strstr(error.text, "nobody approves their own request"));
	assert_false(approval_write(&db, &again, &error));      /* one for each request */
	assert_true(vote(1, "bob", 1, true, &first, &met));
	assert_false(db_run(&db, &error, "UPDATE vote SET meets=3", ""));
	assert_non_null(strstr(error.text, "a vote stays as it was given"));
	assert_true(approval_done(&db, 1, &error));
	assert_false(vote(1, "carol", 1, true, &first, &met));
	assert_non_null(strstr(error.text, "it waits for nobody any more"));
}

static void
test_a_yes_that_is_taken_back_counts_no_more(void **state)
{
	struct vote votes[VOTES_MOST];
	int64_t intent;
	size_t count;
	bool first, met;

	(void)state;
	keep(1, "B1");
	assert_true(vote(1, "bob", 3, true, &first, &met));
	assert_true(vote_said_by(&db, "m-bob", &intent, &error));
	assert_int_equal(intent, 1);
	assert_true(vote_said_by(&db, "m-carol", &intent, &error));
	assert_int_equal(intent, 0);
	assert_true(vote_withdraw(&db, 1, "m-carol", &error));
	assert_true(vote_list(&db, 1, arena, votes, &count, &error));
	assert_int_equal(count, 1);
	assert_true(vote_withdraw(&db, 1, "m-bob", &error));
	assert_true(vote_list(&db, 1, arena, votes, &count, &error));
	assert_int_equal(count, 0);
	assert_true(vote(1, "bob", 3, true, &first, &met));
	assert_true(first && !met);
	assert_true(approval_done(&db, 1, &error));
	assert_true(vote_said_by(&db, "m-bob", &intent, &error));
	assert_int_equal(intent, 0);
}

static void
test_no_more_votes_are_read_than_there_is_room_for(void **state)
{
	struct vote votes[VOTES_MOST];
	size_t count;
	bool first, met;

	(void)state;
	keep(1, "B1");
	for (int i = 0; i < VOTES_MOST + 3; i++)
		assert_true(vote(1, arena_printf(arena, "p%d", i), 0, true, &first, &met));
	assert_false(met);
	assert_true(vote_list(&db, 1, arena, votes, &count, &error));
	assert_int_equal(count, VOTES_MOST);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_what_goes_in_comes_out),
		TEST(test_needs_of_all_sizes),
		TEST(test_it_is_found_by_its_id_and_by_its_code),
		TEST(test_those_that_wait_come_oldest_first),
		TEST(test_a_stage_goes_on_only_while_it_waits),
		TEST(test_votes_are_counted_by_person_and_role),
		TEST(test_the_table_refuses_what_must_not_be),
		TEST(test_a_yes_that_is_taken_back_counts_no_more),
		TEST(test_no_more_votes_are_read_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
