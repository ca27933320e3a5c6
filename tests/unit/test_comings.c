/* Tests of who comes and goes, told in the other places of a room: names where they are few, a figure where they are many, never line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/talk/card.h"
#include "bridge/talk/comings.h"
#include "bridge/talk/message.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

/* -- A clock and an outbox of paper ----------------------------------------------------------------------------------- */

struct watch { watch_fn *call; void *with; };
static struct watch watches[4];
static size_t watch_count, said_count;
static struct watch *waits;             /* the one that was wound last */
static int64_t waits_for;
static char said[20][400];

struct watch *
loop_timer(struct loop *loop, watch_fn *call, void *with)
{
	(void)loop;
	assert_true(watch_count < 4);
	watches[watch_count] = (struct watch){ call, with };
	return &watches[watch_count++];
}

void
watch_after(struct watch *watch, int64_t ms)
{
	waits = watch;
	waits_for = ms;
}

void
watch_free(struct watch *watch)
{
	(void)watch;
}

unsigned
outbox_can(const struct outbox *outbox, const char *link)
{
	(void)outbox;
	return strcmp(link, "console") ? CAN_TALK : 0;
}

void
outbox_say_spare(struct outbox *outbox, const struct place *place, const char *replies, const struct card *card)
{
	struct arena *arena = arena_new();

	(void)outbox;
	assert_null(replies);
	snprintf(said[said_count++], sizeof *said, "%s: %s", place->link, card_lines(arena, card, 400, 1).each[0]);
	arena_free(arena);
}

/* -- The story -------------------------------------------------------------------------------------------------------- */

static struct place places[] = { { "corp", "#ops", NULL }, { "hq", "#ops:corp.example", NULL }, { "console", "here", NULL } };
static struct room room, *rooms[] = { &room };
static const struct rooms all = { 1, rooms };
static struct engine engine;
static struct talk talk = { .engine = &engine, .rooms = &all };
static struct comings *comings;

static int
begin(void **state)
{
	(void)state;
	room = (struct room){ .name = "ops", .relay = true, .joins = true, .place = places, .place_count = 3 };
	watch_count = said_count = 0;
	waits = NULL;
	comings = comings_open(&talk);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	comings_close(comings);
	return 0;
}

static void
happens(enum message_kind kind, const char *who, const char *text)
{
	const struct message message = { .kind = kind, .from.shown = who, .text = text, .place = places[0] };

	comings_take(comings, &message, "IRC");
}

/* The clock has run down. */
static const char *
told(void)
{
	size_t before = said_count;

	assert_non_null(waits);
	struct watch *watch = waits;
	waits = NULL;
	watch->call(watch->with, 0);
	return said_count == before + 1 ? said[before] : "not one line";
}

static void
test_one_is_named_with_what_there_is_to_say(void **state)
{
	static const struct { enum message_kind kind; const char *text, *told; } rows[] = {
		{ MESSAGE_CAME, "", "hq: amy joined (IRC)" },
		{ MESSAGE_WENT, "", "hq: amy left (IRC)" },
		{ MESSAGE_WENT, "gone\nhome\002", "hq: amy left: gone home (IRC)" },
		{ MESSAGE_REMOVED, "bob: too loud", "hq: amy was removed by bob: too loud (IRC)" },
		{ MESSAGE_RENAMED, "eve", "hq: amy is now eve (IRC)" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		happens(rows[i].kind, "amy", rows[i].text);
		assert_int_equal(said_count, 0);
		assert_string_equal(told(), rows[i].told);
		end(state);
		begin(state);
	}
}

static void
test_a_few_are_named_in_one_line(void **state)
{
	(void)state;
	happens(MESSAGE_CAME, "amy", "");
	happens(MESSAGE_WENT, "dan", "bye");
	happens(MESSAGE_CAME, "bob", "");
	happens(MESSAGE_CAME, "eve", "");
	assert_string_equal(told(), "hq: amy, bob and eve joined, dan left (IRC)");
}

static void
test_many_are_counted(void **state)
{
	char nick[20];

	(void)state;
	for (int i = 0; i < 47; i++) {
		snprintf(nick, sizeof nick, "n%d", i);
		happens(MESSAGE_WENT, nick, "a.example b.example");
	}
	assert_string_equal(told(), "hq: 47 left: a.example b.example (IRC)");
	for (int i = 0; i < 46; i++)
		happens(MESSAGE_CAME, "n", "");
	happens(MESSAGE_WENT, "x", "why");
	assert_string_equal(told(), "hq: 46 joined, 1 left (IRC)");
}

static void
test_a_fourth_line_waits_for_the_minute_to_end(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		happens(MESSAGE_CAME, "amy", "");
		assert_in_range(waits_for, 1000, 5000);
		assert_string_equal(told(), "hq: amy joined (IRC)");
	}
	happens(MESSAGE_WENT, "amy", "");
	assert_in_range(waits_for, 30 * 1000, 60 * 1000);
	happens(MESSAGE_CAME, "bob", "");
	assert_string_equal(told(), "hq: bob joined, amy left (IRC)");
	assert_int_equal(said_count, 4);
}

static void
test_nothing_is_told_where_nobody_asked_for_it(void **state)
{
	(void)state;
	room.joins = false;
	happens(MESSAGE_CAME, "amy", "");
	assert_null(waits);
	room.joins = true;
	room.relay = false;
	happens(MESSAGE_CAME, "amy", "");
	assert_null(waits);
	/* Nor where it was asked for no more when the time had come. */
	room.relay = true;
	happens(MESSAGE_CAME, "amy", "");
	room.joins = false;
	assert_string_equal(told(), "not one line");
	assert_int_equal(said_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_is_named_with_what_there_is_to_say),
		TEST(test_a_few_are_named_in_one_line),
		TEST(test_many_are_counted),
		TEST(test_a_fourth_line_waits_for_the_minute_to_end),
		TEST(test_nothing_is_told_where_nobody_asked_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
