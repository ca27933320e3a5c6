/* Tests of what talk keeps: short ids for living things, messages that are taken once; and of places and rooms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/label.h"
#include "bridge/talk/message.h"
#include "bridge/talk/room.h"

enum { PATIENCE = 20000 };

struct fixture {
	struct arena *arena;
	struct engine engine;
	const char *folder;
	bool ended, committed;
	struct error error;
	bool (*act)(struct fixture *, struct db *, struct error *);
	void (*on_task)(struct fixture *, struct task *);
	struct label label, found;
	bool there;
	int64_t events[4];
	struct message heard[8];
	int64_t heard_event[8];
	size_t count;
	char names[200];
};

static const struct tables *const tables[] = { &label_tables, &message_tables, NULL };

static void
open_store(struct fixture *fixture)
{
	enum store_open_error why;

	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &fixture->error);
	assert_non_null(fixture->engine.store);
}

static void
reopen(struct fixture *fixture)
{
	store_close(fixture->engine.store);
	open_store(fixture);
}

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-test-XXXXXX";

	log_open(LEVEL_ERROR, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->engine.loop = loop_open(&fixture->error);
	fixture->engine.tasks = tasks_open(&fixture->engine, 100);
	open_store(fixture);
	*state = fixture;
	return 0;
}

static int
end(void **state)
{
	static const char *const files[] = { "sallyport.db", "sallyport.db-wal", "sallyport.db-shm", "lock" };
	struct fixture *fixture = *state;

	store_close(fixture->engine.store);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		unlink(arena_printf(fixture->arena, "%s/%s", fixture->folder, files[i]));
	assert_int_equal(rmdir(fixture->folder), 0);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

/* The test waits while the store's thread works, so the work may see the fixture itself. */
static bool
run_act(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct fixture *fixture = *(struct fixture **)with;

	(void)arena;
	return fixture->act(fixture, db, error);
}

static void
run_task(struct task *task, void *with)
{
	struct fixture *fixture = with;

	if (fixture->act) {
		struct work *work = work_new(run_act, sizeof fixture);
		*(struct fixture **)work_with(work) = fixture;
		fixture->committed = store_commit(task, work);
		fixture->error = task->error;
	} else
		fixture->on_task(fixture, task);
	fixture->ended = true;
}

static void
turn_until_ended(struct fixture *fixture)
{
	int64_t until = clock_mono() + PATIENCE;

	fixture->ended = false;
	assert_true(task_start(&fixture->engine, "test", run_task, fixture, NULL) != 0);
	while (!fixture->ended || tasks_count(fixture->engine.tasks)) {
		assert_true(clock_mono() < until);
		loop_turn(fixture->engine.loop);
		poll(NULL, 0, 1);
	}
}

static bool
done(struct fixture *fixture, bool (*act)(struct fixture *, struct db *, struct error *))
{
	fixture->act = act;
	turn_until_ended(fixture);
	return fixture->committed;
}

/* Labels. */

static bool
make(struct fixture *fixture, struct db *db, struct error *error, char letter, const char *instance, const char *subject, const char *room)
{
	fixture->label = (struct label){ .kind = "ci", .instance = instance, .subject = subject, .room = room };
	return label_new(db, letter, &fixture->label, fixture->arena, error);
}

static bool
make_one(struct fixture *fixture, struct db *db, struct error *error)
{
	return make(fixture, db, error, 'B', "main", NULL, "ops");
}

static bool
make_and_fail(struct fixture *fixture, struct db *db, struct error *error)
{
	return make(fixture, db, error, 'B', "main", NULL, "ops") && error_set(error, "Something else went wrong.");
}

static bool
get(struct fixture *fixture, struct db *db, const char *name)
{
	fixture->there = label_get(db, name, fixture->arena, &fixture->found);
	return true;
}

static bool
get_b1(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)error;
	return get(fixture, db, "b1");
}

static bool
get_b99(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)error;
	return get(fixture, db, "B99");
}

static void
test_a_new_thing_gets_the_next_number_of_its_letter(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	assert_string_equal(fixture->label.name, "B1");
	assert_int_equal(fixture->label.id, 1);
	assert_true(done(fixture, make_one));
	assert_string_equal(fixture->label.name, "B2");
}

static bool
make_others(struct fixture *fixture, struct db *db, struct error *error)
{
	bool fine = make(fixture, db, error, 'a', "am", "x", NULL);

	assert_string_equal(fixture->label.name, "A1");
	return fine && make_one(fixture, db, error);
}

static void
test_letters_count_by_themselves(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	assert_true(done(fixture, make_others));
	assert_string_equal(fixture->label.name, "B2");
}

static void
test_a_number_is_never_given_out_again(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++)
		assert_true(done(fixture, make_one));
	reopen(fixture);
	assert_true(done(fixture, make_one));
	assert_string_equal(fixture->label.name, "B4");
}

static bool
put_back(struct fixture *fixture, struct db *db, struct error *error)
{
	int64_t known[LABEL_LETTERS] = { ['Q' - 'A'] = 5000 };

	(void)fixture;
	return label_restored(db, 1000, known, error);
}

static bool
make_another(struct fixture *fixture, struct db *db, struct error *error)
{
	return make(fixture, db, error, 'D', "main", NULL, "ops");
}

static bool
make_known(struct fixture *fixture, struct db *db, struct error *error)
{
	return make(fixture, db, error, 'Q', "main", NULL, "ops");
}

/* Between the backup and now numbers were given out: of letters that were used then, and of others. */
static void
test_after_a_backup_was_put_back_numbers_go_on_further(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	assert_true(done(fixture, put_back));
	assert_true(done(fixture, make_one));
	assert_string_equal(fixture->label.name, "B1002");
	assert_true(done(fixture, make_another));
	assert_string_equal(fixture->label.name, "D1001");
	assert_true(done(fixture, make_known));
	assert_string_equal(fixture->label.name, "Q5000");
}

static void
test_a_thing_that_was_rolled_back_never_was(void **state)
{
	struct fixture *fixture = *state;

	assert_false(done(fixture, make_and_fail));
	assert_true(done(fixture, get_b1));
	assert_false(fixture->there);
	assert_true(done(fixture, make_one));
	assert_string_equal(fixture->label.name, "B1");
}

static void
test_a_thing_is_found_by_its_name_in_any_case(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	assert_true(done(fixture, get_b1));
	assert_true(fixture->there);
	assert_string_equal(fixture->found.name, "B1");
	assert_string_equal(fixture->found.kind, "ci");
	assert_string_equal(fixture->found.instance, "main");
	assert_string_equal(fixture->found.subject, "");
	assert_string_equal(fixture->found.room, "ops");
	assert_null(fixture->found.card);
	assert_false(fixture->found.closed);
	assert_true(done(fixture, get_b99));
	assert_false(fixture->there);
}

static bool
give_subject(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)fixture;
	return label_subject(db, "B1", "request 7", error) && label_card(db, "B1", "{\"headline\":\"x\"}", true, error);
}

static bool
find_subject(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)error;
	struct label other;
	fixture->there = label_of(db, "ci", "main", "request 7", fixture->arena, &fixture->found);
	return !label_of(db, "ci", "main", "request 8", fixture->arena, &other) && !label_of(db, "ci", "other", "request 7", fixture->arena, &other)
		&& !label_of(db, "tickets", "main", "request 7", fixture->arena, &other) && !label_of(db, "ci", "main", "", fixture->arena, &other);
}

static void
test_a_thing_is_found_by_what_it_is(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	assert_true(done(fixture, make_one));
	assert_true(done(fixture, give_subject));
	assert_true(done(fixture, find_subject));
	assert_true(fixture->there);
	assert_string_equal(fixture->found.name, "B1");
	assert_string_equal(fixture->found.subject, "request 7");
	assert_string_equal(fixture->found.card, "{\"headline\":\"x\"}");
	assert_true(fixture->found.closed);
}

static bool
subject_of_nothing(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)fixture;
	return label_subject(db, "B77", "x", error);
}

static bool
card_of_nothing(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)fixture;
	return label_card(db, "B77", "x", false, error);
}

static void
test_what_is_not_there_cannot_be_changed(void **state)
{
	struct fixture *fixture = *state;

	assert_false(done(fixture, subject_of_nothing));
	assert_string_equal(fixture->error.text, "There is no B77.");
	assert_false(done(fixture, card_of_nothing));
	assert_string_equal(fixture->error.text, "There is no B77.");
}

static void
note(const struct label *label, void *with)
{
	struct fixture *fixture = with;

	strcat(strcat(fixture->names, label->name), " ");
}

static bool
make_five(struct fixture *fixture, struct db *db, struct error *error)
{
	return make(fixture, db, error, 'B', "main", "1", "ops") && make(fixture, db, error, 'B', "main", "2", "shop") && make(fixture, db, error, 'B', "lab", "3", "ops")
		&& make(fixture, db, error, 'B', "main", "4", NULL) && make(fixture, db, error, 'B', "main", "5", "ops")
		&& label_card(db, "B5", NULL, true, error);
}

static bool
list_all(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)error;
	label_open(db, "ci", "main", NULL, fixture->arena, note, fixture);
	return true;
}

static bool
list_ops(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)error;
	label_open(db, "ci", "main", "ops", fixture->arena, note, fixture);
	return true;
}

static void
test_open_things_are_listed_newest_last(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_five));
	assert_true(done(fixture, list_all));
	assert_string_equal(fixture->names, "B1 B2 B4 ");
	fixture->names[0] = '\0';
	assert_true(done(fixture, list_ops));
	assert_string_equal(fixture->names, "B1 ");
}

static void
look(struct fixture *fixture, struct task *task)
{
	struct label label;

	assert_true(label_look(task, "b1", &fixture->found));
	assert_false(label_look(task, "B9", &label));
	assert_string_equal(task->error.text, "");
}

static void
test_a_task_can_look(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, make_one));
	fixture->act = NULL;
	fixture->on_task = look;
	turn_until_ended(fixture);
}

static void
test_what_looks_like_a_short_id(void **state)
{
	static const char *const yes[] = { "B31", "a7", "B1", "L999999999" };
	static const char *const no[] = { "", "B", "31", "BB1", "B1x", "B-1", "B0", "B01", "L9999999999", "OPS-12", "web", "B 1", "\xc3\xa4" "1" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(label_shaped(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(label_shaped(no[i]));
}

/* Messages. */

static struct message
message(const char *link, const char *channel, const char *id, const char *text)
{
	return (struct message){ .from = { "corp/alice", "alice", "account-tag", true }, .place = { link, channel, "$thread" }, .id = id, .text = text, .direct = true };
}

static bool
keep_same(struct fixture *fixture, struct db *db, struct error *error)
{
	struct message each[] = { message("corp", "#ops", "m1", "!build web"), message("corp", "#ops", "m1", "!build web"), message("corp", "#shop", "m1", "!build web"),
		message("hq", "#ops", "m1", "!build web") };

	for (size_t i = 0; i < 4; i++)
		if (!message_keep(db, &each[i], &fixture->events[i], error))
			return false;
	return true;
}

static bool
keep_nameless(struct fixture *fixture, struct db *db, struct error *error)
{
	struct message one = message("corp", "#ops", NULL, "!build web");

	return message_keep(db, &one, &fixture->events[0], error) && message_keep(db, &one, &fixture->events[1], error);
}

static void
test_a_message_is_taken_once_in_its_place(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_same));
	assert_true(fixture->events[0] > 0);
	assert_int_equal(fixture->events[1], 0);
	assert_true(fixture->events[2] > fixture->events[0]);
	assert_true(fixture->events[3] > fixture->events[2]);
	reopen(fixture);
	assert_true(done(fixture, keep_same));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(fixture->events[i], 0);
}

static void
test_messages_without_an_id_are_always_new(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_nameless));
	assert_true(fixture->events[0] > 0);
	assert_true(fixture->events[1] > fixture->events[0]);
}

static void
note_message(int64_t event, const struct message *heard, void *with)
{
	struct fixture *fixture = with;

	assert_true(fixture->count < 8);
	fixture->heard_event[fixture->count] = event;
	fixture->heard[fixture->count++] = *heard;
}

static bool
pending(struct fixture *fixture, struct db *db, struct error *error)
{
	fixture->count = 0;
	return message_pending(db, fixture->arena, note_message, fixture, error);
}

static bool
first_is_done(struct fixture *fixture, struct db *db, struct error *error)
{
	return message_done(db, fixture->events[0], error);
}

static void
test_what_was_not_carried_out_is_heard_again_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_same));
	assert_true(done(fixture, first_is_done));
	reopen(fixture);
	assert_true(done(fixture, pending));
	assert_int_equal(fixture->count, 2);
	assert_int_equal(fixture->heard_event[0], fixture->events[2]);
	const struct message *again = &fixture->heard[0];
	assert_string_equal(again->from.account, "corp/alice");
	assert_string_equal(again->from.shown, "alice");
	assert_string_equal(again->from.proof, "account-tag");
	assert_true(again->from.proven);
	assert_string_equal(again->place.link, "corp");
	assert_string_equal(again->place.channel, "#shop");
	assert_string_equal(again->place.thread, "$thread");
	assert_string_equal(again->id, "m1");
	assert_string_equal(again->text, "!build web");
	assert_true(again->direct);
}

static bool
keep_stranger(struct fixture *fixture, struct db *db, struct error *error)
{
	struct message one = { .from = { NULL, "eve", "not logged in to services", false }, .place = { "corp", "#ops", NULL }, .text = "x" };

	return message_keep(db, &one, &fixture->events[0], error);
}

static void
test_what_nobody_proved_is_not_proven_later(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_stranger));
	assert_true(done(fixture, pending));
	assert_int_equal(fixture->count, 1);
	assert_null(fixture->heard[0].from.account);
	assert_false(fixture->heard[0].from.proven);
	assert_false(fixture->heard[0].direct);
	assert_null(fixture->heard[0].id);
	assert_null(fixture->heard[0].place.thread);
}

static void
test_a_message_that_ends_three_lives_is_not_tried_again(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_stranger));
	for (int i = 0; i < 3; i++) {
		assert_true(done(fixture, pending));
		assert_int_equal(fixture->count, 1);
		reopen(fixture);
	}
	assert_true(done(fixture, pending));
	assert_int_equal(fixture->count, 0);
}

static bool
spoil(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)fixture;
	return db_run(db, error, "UPDATE event SET body='{' WHERE place='#shop'", "");
}

static void
test_a_row_that_cannot_be_read_does_not_stop_the_others(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_same));
	assert_true(done(fixture, spoil));
	assert_true(done(fixture, pending));
	assert_int_equal(fixture->count, 2);
	assert_string_equal(fixture->heard[0].place.channel, "#ops");
	assert_string_equal(fixture->heard[1].place.link, "hq");
}

static bool
make_old(struct fixture *fixture, struct db *db, struct error *error)
{
	(void)fixture;
	return db_run(db, error, "UPDATE event SET heard=?", "i", clock_wall() - (int64_t)8 * 24 * 3600 * 1000);
}

static bool
keep_many(struct fixture *fixture, struct db *db, struct error *error)
{
	struct message one = message("corp", "#many", NULL, "x");

	for (int i = 0; i < 300; i++)
		if (!message_keep(db, &one, &fixture->events[3], error))
			return false;
	return true;
}

static void
test_old_messages_are_forgotten_but_not_those_still_to_be_done(void **state)
{
	struct fixture *fixture = *state;

	assert_true(done(fixture, keep_same));
	assert_true(done(fixture, first_is_done));
	assert_true(done(fixture, make_old));
	int64_t undone = fixture->events[2];
	assert_true(done(fixture, keep_many));
	assert_true(done(fixture, keep_same));
	assert_true(fixture->events[0] > undone);
	assert_int_equal(fixture->events[2], 0);
	assert_int_equal(fixture->events[3], 0);
}

/* Places and rooms. */

static void
test_a_place_is_written_and_read(void **state)
{
	static const char *const no[] = { "", "corp", "/x", "corp/", "/" };
	struct fixture *fixture = *state;
	struct place place;

	assert_true(place_read(fixture->arena, "hq/!abc/d:corp.example", &place));
	assert_string_equal(place.link, "hq");
	assert_string_equal(place.channel, "!abc/d:corp.example");
	assert_null(place.thread);
	assert_string_equal(place_text(fixture->arena, &place), "hq/!abc/d:corp.example");
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(place_read(fixture->arena, no[i], &place));
}

static void
test_places_are_the_same_as_their_chat_has_it(void **state)
{
	static const struct { struct place a, b; bool same; } rows[] = {
		{ { "corp", "#ops", NULL }, { "corp", "#ops", NULL }, true },
		{ { "corp", "#ops", NULL }, { "corp", "#OPS", "$thread" }, true },
		{ { "corp", "&ops", NULL }, { "corp", "&Ops", NULL }, true },
		{ { "corp", "#ops", NULL }, { "corp", "#ops2", NULL }, false },
		{ { "corp", "#ops", NULL }, { "Corp", "#ops", NULL }, false },
		{ { "hq", "!abc:x", NULL }, { "hq", "!ABC:x", NULL }, false },
		{ { "hq", "!abc:x", NULL }, { "hq", "!abc:x", NULL }, true },
		{ { "hq", "#ops:corp.example", NULL }, { "hq", "#ops:corp.example", NULL }, true },
		{ { "hq", "#ops:corp.example", NULL }, { "hq", "#Ops:corp.example", NULL }, false },
		{ { "hq", "#ops:corp.example", NULL }, { "hq", "#ops", NULL }, false },
		{ { "hq", "", NULL }, { "hq", "#ops", NULL }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(place_same(&rows[i].a, &rows[i].b), rows[i].same);
		assert_int_equal(place_same(&rows[i].b, &rows[i].a), rows[i].same);
	}
}

static void
test_a_copy_of_a_place_lives_by_itself(void **state)
{
	struct fixture *fixture = *state;
	char link[] = "corp", channel[] = "#ops", thread[] = "$t";
	struct place place = place_copy(fixture->arena, &(struct place){ link, channel, thread });

	memset(link, 'x', 4);
	memset(channel, 'x', 4);
	memset(thread, 'x', 2);
	assert_string_equal(place.link, "corp");
	assert_string_equal(place.channel, "#ops");
	assert_string_equal(place.thread, "$t");
	assert_null(place_copy(fixture->arena, &(struct place){ "corp", "#ops", NULL }).thread);
}

static void
test_a_room_is_found_by_its_name_and_by_each_of_its_places(void **state)
{
	struct place ops_places[] = { { "corp", "#ops", NULL }, { "hq", "!ops:x", NULL } }, shop_places[] = { { "corp", "#shop", NULL } };
	static const char *const services[] = { "ci", "lab" };
	struct room ops = { .name = "ops", .services = { 2, services, NULL }, .place = ops_places, .place_count = 2 };
	struct room shop = { .name = "shop", .place = shop_places, .place_count = 1 };
	struct room *each[] = { &ops, &shop };
	const struct rooms rooms = { 2, each }, none = { 0, NULL };

	(void)state;
	assert_ptr_equal(room_of(&rooms, &(struct place){ "hq", "!ops:x", "$t" }), &ops);
	assert_ptr_equal(room_of(&rooms, &(struct place){ "corp", "#Shop", NULL }), &shop);
	assert_null(room_of(&rooms, &(struct place){ "hq", "#shop", NULL }));
	assert_null(room_of(&none, &ops_places[0]));
	assert_ptr_equal(room_named(&rooms, "shop"), &shop);
	assert_null(room_named(&rooms, "sho"));
	assert_true(room_has_place(&ops, &ops_places[1]));
	assert_false(room_has_place(&shop, &ops_places[1]));
	assert_true(room_offers(&ops, "lab"));
	assert_false(room_offers(&ops, "la"));
	assert_false(room_offers(&shop, "ci"));
}

#define STORED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORED(test_a_new_thing_gets_the_next_number_of_its_letter),
		STORED(test_letters_count_by_themselves),
		STORED(test_a_number_is_never_given_out_again),
		STORED(test_after_a_backup_was_put_back_numbers_go_on_further),
		STORED(test_a_thing_that_was_rolled_back_never_was),
		STORED(test_a_thing_is_found_by_its_name_in_any_case),
		STORED(test_a_thing_is_found_by_what_it_is),
		STORED(test_what_is_not_there_cannot_be_changed),
		STORED(test_open_things_are_listed_newest_last),
		STORED(test_a_task_can_look),
		cmocka_unit_test(test_what_looks_like_a_short_id),
		STORED(test_a_message_is_taken_once_in_its_place),
		STORED(test_messages_without_an_id_are_always_new),
		STORED(test_what_was_not_carried_out_is_heard_again_as_it_was),
		STORED(test_what_nobody_proved_is_not_proven_later),
		STORED(test_a_message_that_ends_three_lives_is_not_tried_again),
		STORED(test_a_row_that_cannot_be_read_does_not_stop_the_others),
		STORED(test_old_messages_are_forgotten_but_not_those_still_to_be_done),
		STORED(test_a_place_is_written_and_read),
		cmocka_unit_test(test_places_are_the_same_as_their_chat_has_it),
		STORED(test_a_copy_of_a_place_lives_by_itself),
		cmocka_unit_test(test_a_room_is_found_by_its_name_and_by_each_of_its_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
