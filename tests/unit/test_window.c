/* Tests of spans of time as people write them: over the week's end, over the changes of the clocks, in zones east and west. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/clock.h"
#include "bridge/rights/window.h"

/* "2026-11-20 15:00" of UTC as wall milliseconds. */
static int64_t
utc(const char *text)
{
	struct tm parts = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &parts));
	return (int64_t)timegm(&parts) * 1000;
}

static const char *
as_utc(int64_t wall)
{
	static char text[64];
	time_t seconds = (time_t)(wall / 1000);
	struct tm parts;

	gmtime_r(&seconds, &parts);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
	return text;
}

struct lies { const char *zone, *window, *at, *from, *to; };

static void
check(const struct lies *rows, size_t count, bool (*read)(const char *, struct window *))
{
	for (size_t i = 0; i < count; i++) {
		struct window window;
		struct span span;
		assert_true(clock_zone(rows[i].zone));
		if (!read(rows[i].window, &window))
			fail_msg("%s was not read", rows[i].window);
		bool is = window_at(&window, utc(rows[i].at), &span);
		if (is != !!rows[i].from)
			fail_msg("%s at %s: %d", rows[i].window, rows[i].at, is);
		if (is && strcmp(as_utc(span.from), rows[i].from))
			fail_msg("%s %s at %s: begins %s, not %s", rows[i].zone, rows[i].window, rows[i].at, as_utc(span.from), rows[i].from);
		if (is && strcmp(as_utc(span.to), rows[i].to))
			fail_msg("%s %s at %s: ends %s, not %s", rows[i].zone, rows[i].window, rows[i].at, as_utc(span.to), rows[i].to);
	}
	assert_true(clock_zone("UTC"));
}

static void
test_a_weekly_window_goes_over_the_weeks_end(void **state)
{
	static const struct lies rows[] = {
		/* 2026-11-20 is a Friday. */
		{ "UTC", "Fri 16:00 - Mon 08:00", "2026-11-20 15:59", "2026-11-20 16:00", "2026-11-23 08:00" },
		{ "UTC", "Fri 16:00 - Mon 08:00", "2026-11-20 16:00", "2026-11-20 16:00", "2026-11-23 08:00" },
		{ "UTC", "Fri 16:00 - Mon 08:00", "2026-11-22 23:59", "2026-11-20 16:00", "2026-11-23 08:00" },
		{ "UTC", "Fri 16:00 - Mon 08:00", "2026-11-23 07:59", "2026-11-20 16:00", "2026-11-23 08:00" },
		{ "UTC", "Fri 16:00 - Mon 08:00", "2026-11-23 08:00", "2026-11-27 16:00", "2026-11-30 08:00" },
		{ "UTC", "Sat - Sun", "2026-11-22 23:59", "2026-11-21 00:00", "2026-11-23 00:00" },
		{ "UTC", "Sun", "2026-11-22 00:00", "2026-11-22 00:00", "2026-11-23 00:00" },
		{ "UTC", "fri 16:00 -mon", "2026-11-23 23:59", "2026-11-20 16:00", "2026-11-24 00:00" },
		{ "UTC", "Mon 08:00 - Mon 07:00", "2026-11-23 07:30", "2026-11-23 08:00", "2026-11-30 07:00" },
		{ "UTC", "Mon 08:00 - Mon 07:00", "2026-11-23 06:59", "2026-11-16 08:00", "2026-11-23 07:00" },
		{ "UTC", "22:00 - 06:00", "2026-11-23 05:59", "2026-11-22 22:00", "2026-11-23 06:00" },
		{ "UTC", "22:00 - 06:00", "2026-11-23 12:00", "2026-11-23 22:00", "2026-11-24 06:00" },
		{ "UTC", "12:00 - 24:00", "2026-11-23 23:59", "2026-11-23 12:00", "2026-11-24 00:00" },
		{ "UTC", "Thu 10:00 - Fri 10:00", "2026-12-31 12:00", "2026-12-31 10:00", "2027-01-01 10:00" },
	};

	(void)state;
	check(rows, sizeof rows / sizeof *rows, window_read_weekly);
}

static void
test_eight_stays_eight_when_the_clocks_change(void **state)
{
	static const struct lies rows[] = {
		/* Madrid: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00. */
		{ "Europe/Madrid", "Fri 16:00 - Mon 08:00", "2026-03-28 00:00", "2026-03-27 15:00", "2026-03-30 06:00" },
		{ "Europe/Madrid", "Fri 16:00 - Mon 08:00", "2026-10-24 00:00", "2026-10-23 14:00", "2026-10-26 07:00" },
		/* The hour that is left out. */
		{ "Europe/Madrid", "Sun 02:30 - Sun 12:00", "2026-03-29 00:00", "2026-03-29 01:30", "2026-03-29 10:00" },
		{ "Europe/Madrid", "Sat 12:00 - Sun 02:30", "2026-03-29 00:00", "2026-03-28 11:00", "2026-03-29 01:30" },
		/* The hour that there is twice is in it with both. */
		{ "Europe/Madrid", "Sun 02:30 - Sun 12:00", "2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 11:00" },
		{ "Europe/Madrid", "Sat 12:00 - Sun 02:30", "2026-10-25 00:45", "2026-10-24 10:00", "2026-10-25 01:30" },
		{ "Europe/Madrid", "22:00 - 06:00", "2026-10-25 00:45", "2026-10-24 20:00", "2026-10-25 05:00" },
		/* Dublin's winter is what its rules call daylight saving. */
		{ "Europe/Dublin", "Sun 01:30 - Sun 12:00", "2026-03-29 00:00", "2026-03-29 01:30", "2026-03-29 11:00" },
		{ "Europe/Dublin", "Sun 01:30 - Sun 12:00", "2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 12:00" },
	};

	(void)state;
	check(rows, sizeof rows / sizeof *rows, window_read_weekly);
}

static void
test_a_window_is_read_off_the_clocks_of_its_zone(void **state)
{
	static const struct lies rows[] = {
		{ "Pacific/Auckland", "Sat - Sun", "2026-11-20 11:00", "2026-11-20 11:00", "2026-11-22 11:00" },
		{ "Pacific/Auckland", "Sat - Sun", "2026-11-20 10:59", "2026-11-20 11:00", "2026-11-22 11:00" },
		{ "Pacific/Honolulu", "Sat - Sun", "2026-11-23 09:59", "2026-11-21 10:00", "2026-11-23 10:00" },
		{ "America/New_York", "Fri 16:00 - Mon 08:00", "2026-11-01 12:00", "2026-10-30 20:00", "2026-11-02 13:00" },
		{ "Asia/Kolkata", "18:00 - 09:00", "2026-11-23 03:00", "2026-11-22 12:30", "2026-11-23 03:30" },
	};

	(void)state;
	check(rows, sizeof rows / sizeof *rows, window_read_weekly);
}

static void
test_dates_hold_to_the_end_of_their_last_day(void **state)
{
	static const struct lies rows[] = {
		{ "UTC", "2026-12-23 - 2027-01-02", "2026-11-23 00:00", "2026-12-23 00:00", "2027-01-03 00:00" },
		{ "UTC", "2026-12-23 - 2027-01-02", "2027-01-02 23:59", "2026-12-23 00:00", "2027-01-03 00:00" },
		{ "UTC", "2026-12-23 - 2027-01-02", "2027-01-03 00:00", NULL, NULL },
		{ "UTC", "2026-12-24", "2026-12-24 12:00", "2026-12-24 00:00", "2026-12-25 00:00" },
		{ "UTC", "2026-12-23 18:00 - 2026-12-24T06:30", "2026-12-24 00:00", "2026-12-23 18:00", "2026-12-24 06:30" },
		{ "UTC", "2028-02-29", "2028-02-29 12:00", "2028-02-29 00:00", "2028-03-01 00:00" },
		{ "Europe/Madrid", "2026-03-29", "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00" },
		{ "Pacific/Auckland", "2026-12-24", "2026-12-23 12:00", "2026-12-23 11:00", "2026-12-24 11:00" },
		{ "America/New_York", "2026-12-24", "2026-12-24 12:00", "2026-12-24 05:00", "2026-12-25 05:00" },
	};

	(void)state;
	check(rows, sizeof rows / sizeof *rows, window_read_dates);
}

static void
test_what_is_no_window(void **state)
{
	static const char *const weekly[] = { "", "-", "Fri 16:00", "Fri 16:00 -", "- Mon 08:00", "Fri 16:00 - Fri 16:00", "16:00 - 16:00", "Fri 25:00 - Sat", "Fri 16:60 - Sat",
		"Fri 24:01 - Sat", "Fri 16 - Mon 08:00", "Friday 16:00 - Mon 08:00", "Fri 16:00 - Mon 08:00 x", "Fri - 08:00", "16:00 - Mon", "2026-12-23 - 2027-01-02",
		"Fri 16:00 Mon 08:00", "Fri 160:00 - Sat", "Fri 6:00 - Sat", "Fri  T - Sat" };
	static const char *const dates[] = { "", "2026-12-23 - 2026-12-22", "2026-12-23 10:00 - 2026-12-23 10:00", "2026-13-01", "2026-02-29", "2026-00-10", "2026-1-10",
		"26-12-23", "2026-12-23 -", "2026-12-23 18:00", "Fri - Sat", "2026-12-23 - Fri", "12026-12-23", "1969-12-31", "2026-12-23 - 2027-01-02 x" };
	struct window window;

	(void)state;
	for (size_t i = 0; i < sizeof weekly / sizeof *weekly; i++)
		if (window_read_weekly(weekly[i], &window))
			fail_msg("\"%s\" was read", weekly[i]);
	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
		if (window_read_dates(dates[i], &window))
			fail_msg("\"%s\" was read", dates[i]);
}

static void
test_the_next_time_that_it_is_so(void **state)
{
	static const struct { const char *text, *now, *at; } rows[] = {
		{ "16:00", "2026-11-23 14:00", "2026-11-23 16:00" }, { "16:00", "2026-11-23 16:00", "2026-11-24 16:00" }, { "24:00", "2026-11-23 14:00", "2026-11-24 00:00" },
		{ "Mon 08:00", "2026-11-23 14:00", "2026-11-30 08:00" }, { "Mon 16:00", "2026-11-23 14:00", "2026-11-23 16:00" }, { "wed", "2026-11-23 14:00", "2026-11-25 00:00" },
		{ "2026-12-24", "2026-11-23 14:00", "2026-12-24 00:00" }, { "2026-12-24 09:30", "2026-11-23 14:00", "2026-12-24 09:30" },
		{ "2026-11-22", "2026-11-23 14:00", NULL }, { "soon", "2026-11-23 14:00", NULL }, { "", "2026-11-23 14:00", NULL }, { "16:00 x", "2026-11-23 14:00", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t at = 0;
		if (window_moment(rows[i].text, utc(rows[i].now), &at) != !!rows[i].at)
			fail_msg("\"%s\" at %s", rows[i].text, rows[i].now);
		if (rows[i].at)
			assert_string_equal(as_utc(at), rows[i].at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_weekly_window_goes_over_the_weeks_end),
		cmocka_unit_test(test_eight_stays_eight_when_the_clocks_change),
		cmocka_unit_test(test_a_window_is_read_off_the_clocks_of_its_zone),
		cmocka_unit_test(test_dates_hold_to_the_end_of_their_last_day),
		cmocka_unit_test(test_what_is_no_window),
		cmocka_unit_test(test_the_next_time_that_it_is_so),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
