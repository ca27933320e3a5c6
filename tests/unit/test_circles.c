/* Tests of what goes in circles between gateways: lines that repeat others are passed over, and who says many of them is noticed; people are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bridge/talk/circles.h"
#include "bridge/talk/message.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static const struct place ops = { "corp", "#ops", NULL }, dev = { "corp", "#dev", NULL };
static struct circles *circles;
static int64_t now;

static int
begin(void **state)
{
	(void)state;
	circles = circles_new();
	now = MINUTE;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	circles_free(circles);
	return 0;
}

static enum circle
says(const char *who, const struct place *place, const char *text)
{
	const struct message message = { .place = *place, .from.shown = who, .text = text };

	return circles_look(circles, "room", &message, now += SECOND);
}

static void
test_what_was_heard_is_passed_over_when_it_is_told(void **state)
{
	static const char *const forms[] = { "<bob> is db1 up?", "[bob] is db1 up?", "bob (IRC): is db1 up?", "[irc] <b\u2060ob> is db1 *up*?", "<other> <bob> is db1 up?" };

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		assert_int_equal(says("bob", &ops, "is db1 up?"), CIRCLE_NONE);
		/* The joiner is cleaned away before. */
		assert_int_equal(says("other", &dev, i == 3 ? "[irc] <bob> is db1 *up*?" : forms[i]), CIRCLE_PASSED_OVER);
		end(NULL);
		begin(NULL);
	}
}

static void
test_each_line_of_several_is_known(void **state)
{
	(void)state;
	assert_int_equal(says("bob", &ops, "one\n\ntwo"), CIRCLE_NONE);
	assert_int_equal(says("other", &dev, "<bob> two"), CIRCLE_PASSED_OVER);
}

static void
test_people_are_not_passed_over(void **state)
{
	static const char *const texts[] = { "ok", "bob: ok", "bob ok", "<bob> ok then", "<carol> ok", "<bob>", "(ok)", "* ok" };

	(void)state;
	assert_int_equal(says("bob", &ops, "ok"), CIRCLE_NONE);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(says("dan", &dev, texts[i]), CIRCLE_NONE);
	assert_int_equal(says("bob", &ops, "ok"), CIRCLE_NONE);
}

static void
test_after_some_time_it_is_no_circle(void **state)
{
	(void)state;
	says("bob", &ops, "hello");
	now += 6 * MINUTE;
	assert_int_equal(says("other", &dev, "<bob> hello"), CIRCLE_NONE);
}

static void
test_who_repeats_again_and_again_is_noticed_once(void **state)
{
	(void)state;
	says("bob", &ops, "hello");
	assert_int_equal(says("other", &dev, "<bob> hello"), CIRCLE_PASSED_OVER);
	assert_int_equal(says("other", &dev, "<bob> hello"), CIRCLE_PASSED_OVER);
	assert_int_equal(says("other", &dev, "<bob> hello"), CIRCLE_NOTICED);
	assert_int_equal(says("other", &dev, "<bob> hello"), CIRCLE_PASSED_OVER);
	/* All that it tells of others is passed over now; not what it says, nor what others do. */
	assert_int_equal(says("other", &dev, "<eve> something else"), CIRCLE_PASSED_OVER);
	assert_int_equal(says("other", &dev, "hello, I am new here"), CIRCLE_NONE);
	assert_int_equal(says("dan", &dev, "<eve> something else"), CIRCLE_NONE);
	now += 61 * MINUTE;
	assert_int_equal(says("other", &dev, "<eve> good morning"), CIRCLE_NONE);
}

static void
test_what_repeats_us_is_passed_over(void **state)
{
	const struct message message = { .place = ops, .from.shown = "other", .text = "<sally> <bob> hello", .repeats_us = true };

	(void)state;
	assert_int_equal(circles_look(circles, "room", &message, now), CIRCLE_PASSED_OVER);
	assert_int_equal(circles_look(circles, "room", &message, now), CIRCLE_PASSED_OVER);
	assert_int_equal(circles_look(circles, "room", &message, now), CIRCLE_NOTICED);
}

static void
test_nobody_tells_of_others_without_end(void **state)
{
	char text[40];
	unsigned told = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "<bob> line %d", i);
		const struct message message = { .place = ops, .from.shown = "other", .text = text };
		told += circles_look(circles, "room", &message, now) == CIRCLE_NONE;
	}
	assert_int_equal(told, 60);
	now += 2 * MINUTE;
	assert_int_equal(says("other", &ops, "<bob> later"), CIRCLE_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_heard_is_passed_over_when_it_is_told),
		TEST(test_each_line_of_several_is_known),
		TEST(test_people_are_not_passed_over),
		TEST(test_after_some_time_it_is_no_circle),
		TEST(test_who_repeats_again_and_again_is_noticed_once),
		TEST(test_what_repeats_us_is_passed_over),
		TEST(test_nobody_tells_of_others_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
