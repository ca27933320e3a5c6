/* Tests of what we know of a homeserver: its rooms, how its people call themselves, and which events were heard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "protocols/matrix/matrix_rooms.h"
#include "protocols/matrix/names.h"
#include "protocols/matrix/seen.h"

/* -- Rooms -------------------------------------------------------------------------------------------------------------- */

static void
test_a_room_has_its_places_words_until_it_is_no_place_any_more(void **state)
{
	static const char *const both[] = { "#ops:corp.example", "!x1:corp.example", NULL }, *const one[] = { "!x1:corp.example", NULL }, *const none[] = { NULL };
	struct matrix_rooms rooms = { 0 };

	(void)state;
	matrix_rooms_name(&rooms, both);
	assert_int_equal(rooms.count, 2);
	struct matrix_room *ops = matrix_rooms_named(&rooms, "#ops:corp.example"), *other = matrix_rooms_find(&rooms, "!x1:corp.example");
	assert_null(ops->id);
	assert_ptr_equal(matrix_rooms_named(&rooms, "!x1:corp.example"), other);
	matrix_room_is(ops, "!ops:corp.example");
	matrix_rooms_name(&rooms, both);
	assert_int_equal(rooms.count, 2);
	assert_ptr_equal(matrix_rooms_find(&rooms, "!ops:corp.example"), ops);

	matrix_rooms_name(&rooms, one);
	assert_null(matrix_rooms_named(&rooms, "#ops:corp.example"));
	assert_ptr_equal(matrix_rooms_find(&rooms, "!ops:corp.example"), ops);
	assert_non_null(matrix_rooms_named(&rooms, "!x1:corp.example"));
	matrix_rooms_name(&rooms, none);
	assert_null(matrix_rooms_named(&rooms, "!x1:corp.example"));
	/* The id is the same room, so it is a place again. */
	matrix_rooms_name(&rooms, one);
	assert_ptr_equal(matrix_rooms_named(&rooms, "!x1:corp.example"), other);
	assert_int_equal(rooms.count, 2);
	matrix_rooms_free(&rooms);
	assert_null(rooms.first);
}

static void
test_a_room_is_found_by_exact_bytes_alone(void **state)
{
	static const char *const channels[] = { "#ops:corp.example", NULL };
	struct matrix_rooms rooms = { 0 };

	(void)state;
	matrix_rooms_name(&rooms, channels);
	struct matrix_room *room = matrix_rooms_get(&rooms, "!x1:corp.example");
	assert_ptr_equal(matrix_rooms_get(&rooms, "!x1:corp.example"), room);
	assert_null(room->name);
	assert_null(matrix_rooms_find(&rooms, "!X1:corp.example"));
	assert_null(matrix_rooms_find(&rooms, "!x1:corp.example.evil.example"));
	assert_null(matrix_rooms_named(&rooms, "#OPS:corp.example"));
	assert_null(matrix_rooms_find(&rooms, "#ops:corp.example"));
	assert_int_equal(rooms.count, 2);
	matrix_rooms_free(&rooms);
}

static void
test_who_talks_to_us_alone(void **state)
{
	static const struct { int64_t members; bool named, direct, private; } rows[] = {
		{ 2, false, false, true }, { 2, false, true, true }, { 1, false, true, true }, { 0, false, true, true },
		{ 3, false, true, false }, { 3, false, false, false }, { 0, false, false, false }, { 1, false, false, false },
		{ 2, true, false, false }, { 2, true, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[] = "#ops:corp.example";
		struct matrix_room room = { .name = rows[i].named ? name : NULL, .members = rows[i].members, .direct = rows[i].direct };
		assert_int_equal(matrix_room_private(&room), rows[i].private);
	}
}

static void
test_the_room_with_somebody_is_one_that_we_are_in_and_may_write_in(void **state)
{
	struct matrix_rooms rooms = { 0 };

	(void)state;
	struct matrix_room *room = matrix_rooms_get(&rooms, "!p1:corp.example");
	room->with = memory_text("@bob:corp.example");
	room->direct = room->in = true;
	room->members = 2;
	assert_ptr_equal(matrix_rooms_with(&rooms, "@bob:corp.example"), room);
	assert_null(matrix_rooms_with(&rooms, "@Bob:corp.example"));
	assert_null(matrix_rooms_with(&rooms, "@bob:evil.example"));
	room->members = 3;
	assert_null(matrix_rooms_with(&rooms, "@bob:corp.example"));
	room->members = 2;
	room->encrypted = true;
	assert_null(matrix_rooms_with(&rooms, "@bob:corp.example"));
	room->encrypted = false;
	room->in = false;
	assert_null(matrix_rooms_with(&rooms, "@bob:corp.example"));
	matrix_rooms_free(&rooms);
}

/* -- Names -------------------------------------------------------------------------------------------------------------- */

static int
make_names(void **state)
{
	*state = memory_take(sizeof(struct names));
	return 0;
}

static int
free_names(void **state)
{
	names_free(*state);
	free(*state);
	return 0;
}

static void
test_somebody_is_called_as_they_say(void **state)
{
	static const struct { const char *user, *shown, *called; } rows[] = {
		{ "@bob:corp.example", "Bob", "Bob" }, { "@bob:corp.example", "Robert", "Robert" }, { "@bob:corp.example", NULL, "bob" }, { "@bob:corp.example", "", "bob" },
		{ "@eve:corp.example", " \u200b\u202e\n ", "eve" }, { "@eve:corp.example", "Al\nice\u202e!\033[31m", "Al ice!" },
		{ "@amy:corp.example", "\u5c0f\u660e", "\u5c0f\u660e" },
	};
	struct names *names = *state;

	assert_string_equal(names_of(names, "@new:corp.example"), "new");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		names_set(names, rows[i].user, rows[i].shown);
		assert_string_equal(names_of(names, rows[i].user), rows[i].called);
	}
	assert_int_equal(names->count, 4);
}

static void
test_a_name_is_short_and_never_empty(void **state)
{
	struct names *names = *state;
	char longest[4000];

	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	names_set(names, "@bob:corp.example", longest);
	assert_true(strlen(names_of(names, "@bob:corp.example")) <= 60);
	for (size_t i = 0; i + 2 < sizeof longest; i += 2)
		memcpy(longest + i, "\u00f6", 2);
	longest[sizeof longest - 2] = '\0';
	names_set(names, "@bob:corp.example", longest);
	const char *shown = names_of(names, "@bob:corp.example");
	assert_true(strlen(shown) <= 60 && text_utf8(shown, strlen(shown)));
	/* Where the id has nothing to show either. */
	assert_string_not_equal(names_of(names, "@:corp.example"), "");
	assert_string_not_equal(names_of(names, "@\u200b\u202e:corp.example"), "");
}

static void
test_a_big_room_does_not_grow_for_ever(void **state)
{
	struct names *names = *state;
	char user[60];

	for (int i = 0; i < 20000; i++) {
		snprintf(user, sizeof user, "@user%d:corp.example", i);
		names_set(names, user, "Somebody");
		assert_true(names->count <= 5000);
	}
	assert_string_equal(names_of(names, "@user19999:corp.example"), "Somebody");
	assert_string_equal(names_of(names, "@user0:corp.example"), "user0");
}

/* -- Seen --------------------------------------------------------------------------------------------------------------- */

static void
test_an_event_is_heard_once(void **state)
{
	struct seen *seen = seen_new();

	(void)state;
	assert_false(seen_has(seen, "$a"));
	seen_add(seen, "$a");
	assert_true(seen_has(seen, "$a"));
	assert_false(seen_has(seen, "$A"));
	assert_false(seen_has(seen, "$a "));
	assert_false(seen_has(seen, ""));
	seen_free(seen);
	seen_free(NULL);
}

static void
test_the_newest_4096_are_known(void **state)
{
	struct seen *seen = seen_new();
	char id[40];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "$%d", i);
		assert_false(seen_has(seen, id));
		seen_add(seen, id);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof id, "$%d", i);
		assert_int_equal(seen_has(seen, id), i >= 5000 - 4096);
	}
	seen_free(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_room_has_its_places_words_until_it_is_no_place_any_more),
		cmocka_unit_test(test_a_room_is_found_by_exact_bytes_alone),
		cmocka_unit_test(test_who_talks_to_us_alone),
		cmocka_unit_test(test_the_room_with_somebody_is_one_that_we_are_in_and_may_write_in),
		cmocka_unit_test_setup_teardown(test_somebody_is_called_as_they_say, make_names, free_names),
		cmocka_unit_test_setup_teardown(test_a_name_is_short_and_never_empty, make_names, free_names),
		cmocka_unit_test_setup_teardown(test_a_big_room_does_not_grow_for_ever, make_names, free_names),
		cmocka_unit_test(test_an_event_is_heard_once),
		cmocka_unit_test(test_the_newest_4096_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
