/* Tests of how times and durations are said and read, and of identifiers that carry the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/ulid.h"

#define S INT64_C(1000)
#define MIN (60 * S)
#define H (60 * MIN)
#define D (24 * H)

static const int64_t MONDAY = INT64_C(1795442400000);         /* Mon 2026-11-23 14:00 UTC */

static int
begin(void **state)
{
	*state = arena_new();
	return 0;
}

static int
end(void **state)
{
	arena_free(*state);
	return 0;
}

static int
in_utc(void **state)
{
	(void)state;
	return clock_zone("UTC") ? 0 : -1;
}

static void
test_a_duration_has_two_units_at_most(void **state)
{
	static const struct { int64_t ms; const char *said; } rows[] = {
		{ -5, "0 ms" }, { 0, "0 ms" }, { 12, "12 ms" }, { 99, "99 ms" }, { 100, "0.1 s" }, { 200, "0.2 s" }, { 949, "0.9 s" }, { 950, "1 s" }, { 1000, "1 s" },
		{ 1049, "1 s" }, { 1050, "1.1 s" }, { 1999, "2 s" }, { 9949, "9.9 s" }, { 9950, "10 s" }, { 41 * S, "41 s" }, { 41499, "41 s" }, { 59499, "59 s" },
		{ 59500, "1 min" }, { MIN, "1 min" }, { 61 * S, "1 min 1 s" }, { 3 * MIN + 48 * S, "3 min 48 s" }, { H - 501, "59 min 59 s" }, { H - 500, "1 h" },
		{ H, "1 h" }, { H + 12 * MIN, "1 h 12 min" }, { H + 12 * MIN + 59 * S, "1 h 12 min" }, { D - 1 * S, "23 h 59 min" }, { D - 1, "1 day" }, { D, "1 day" },
		{ D + 2 * H, "1 day 2 h" }, { 2 * D + 4 * H, "2 days 4 h" }, { 12 * D + 59 * MIN, "12 days" }, { 400 * D, "400 days" },
		{ INT64_MAX, "106751991167 days 7 h" }, { INT64_MIN, "0 ms" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(clock_span(*state, rows[i].ms), rows[i].said);
}

static void
test_a_time_has_its_day_where_it_is_not_today(void **state)
{
	assert_string_equal(clock_time(*state, MONDAY + 47 * MIN, MONDAY), "14:47");
	assert_string_equal(clock_time(*state, MONDAY - 14 * H, MONDAY), "00:00");
	assert_string_equal(clock_time(*state, MONDAY - 14 * H - 1, MONDAY), "Sun 23:59");
	assert_string_equal(clock_time(*state, MONDAY - 4 * D, MONDAY), "Thu 14:00");
	assert_string_equal(clock_time(*state, MONDAY + 4 * D, MONDAY), "Fri 14:00");
	assert_string_equal(clock_time(*state, MONDAY - 7 * D, MONDAY), "2026-11-16 14:00");       /* no Monday that could be this one */
	assert_string_equal(clock_time(*state, MONDAY + 30 * D, MONDAY), "2026-12-23 14:00");
	assert_string_equal(clock_time(*state, MONDAY - 365 * D, MONDAY), "2025-11-23 14:00");     /* the same day of another year */
}

static void
test_a_time_is_said_both_ways(void **state)
{
	static const struct { int64_t from_now; const char *said; } rows[] = {
		{ -2 * S, "13:59 (2 s ago)" }, { -12 * MIN, "13:48 (12 min ago)" }, { -3 * H - 10 * MIN, "10:50 (3 h ago)" }, { -26 * H, "Sun 12:00 (26 h ago)" },
		{ -2 * D, "Sat 14:00 (2 days ago)" }, { -40 * D, "2026-10-14 14:00 (40 days ago)" }, { 0, "14:00 (0 s ago)" },
		{ 12 * S, "14:00 (in 12 s)" }, { 30 * MIN, "14:30 (in 30 min)" }, { 30 * MIN - 5, "14:29 (in 30 min)" }, { 98 * MIN, "15:38 (in 1 h 38 min)" },
		{ 149 * MIN, "16:29 (in 2 h 29 min)" }, { 2 * H, "16:00 (in 2 h)" }, { 21 * H + 40 * MIN, "Tue 11:40 (in 21 h)" }, { 4 * D - 5, "Fri 13:59 (in 4 days)" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(clock_ago(*state, MONDAY + rows[i].from_now, MONDAY), rows[i].said);
}

/* A service may say any number for a time. */
static void
test_an_absurd_time_does_no_harm(void **state)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX };

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		for (size_t j = 0; j < sizeof times / sizeof *times; j++) {
			assert_true(strlen(clock_ago(*state, times[i], times[j])) > 10);
			clock_midnight(times[i]);
		}
	assert_non_null(strstr(clock_ago(*state, INT64_MIN, INT64_MAX), "(106751991167 days ago)"));
	assert_non_null(strstr(clock_ago(*state, INT64_MAX, INT64_MIN), "(in 106751991167 days)"));
}

static void
test_the_zone_decides_what_the_time_is_and_when_the_day_began(void **state)
{
	assert_true(clock_zone("Asia/Tokyo"));
	assert_string_equal(clock_time(*state, MONDAY, MONDAY), "23:00");
	assert_int_equal(clock_midnight(MONDAY), MONDAY - 23 * H);
	assert_true(clock_zone("Europe/Madrid"));
	assert_string_equal(clock_time(*state, MONDAY, MONDAY), "15:00");
	/* The clocks went back on 2026-10-25 at 03:00: that day had 25 hours. */
	const int64_t sunday_night = INT64_C(1792969200000) - S;       /* 2026-10-25 23:59:59 there */
	assert_int_equal(sunday_night + S - clock_midnight(sunday_night), 25 * H);
	assert_true(clock_zone("UTC"));
	assert_int_equal(clock_midnight(MONDAY), MONDAY - 14 * H);
	assert_int_equal(clock_midnight(MONDAY - 14 * H), MONDAY - 14 * H);
}

static void
test_a_zone_that_is_none_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", "Mars/Olympus", "../../../etc/passwd", "Europe/../UTC", "Europe/../../../../etc/passwd", "/etc/localtime", "Europe", "zone.tab", ":UTC", "UTC ", "Europe/",
	};
	char endless[1000];

	assert_true(clock_zone("UTC"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (clock_zone(bad[i]))
			fail_msg("\"%s\" was taken for a zone", bad[i]);
	memset(endless, 'a', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_false(clock_zone(endless));
	assert_string_equal(clock_time(*state, MONDAY, MONDAY), "14:00");
}

static void
test_spans_are_read(void **state)
{
	static const struct { const char *text; int64_t ms; } rows[] = {
		{ "0s", 0 }, { "90s", 90 * S }, { "30m", 30 * MIN }, { "12h", 12 * H }, { "7d", 7 * D }, { "3650d", 3650 * D }, { "010m", 10 * MIN },
	};
	static const char *const bad[] = {
		"", "s", "5", "-5s", "+5s", " 5s", "5 s", "5s ", "5x", "5S", "1.5h", "1h30m", "0x5s", "3651d", "87601h", "999999999999999999999s", "99999999999d",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(clock_parse_span(rows[i].text, &ms));
		assert_int_equal(ms, rows[i].ms);
	}
	ms = 42;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (clock_parse_span(bad[i], &ms))
			fail_msg("\"%s\" was taken for a span", bad[i]);
	assert_int_equal(ms, 42);
}

static void
test_the_clocks_go(void **state)
{
	int64_t wall = clock_wall(), mono = clock_mono();

	(void)state;
	assert_true(wall / 1000 - time(NULL) <= 1 && time(NULL) - wall / 1000 <= 1);
	while (clock_mono() == mono)
		;
	assert_true(clock_mono() > mono);
}

/* Identifiers. */

static void
test_an_identifier_carries_its_time(void **state)
{
	char id[ULID_LENGTH + 1];
	int64_t before = clock_wall();

	(void)state;
	ulid_make(id);
	assert_int_equal(strlen(id), ULID_LENGTH);
	assert_true(ulid_valid(id));
	assert_true(ulid_time(id) >= before && ulid_time(id) <= clock_wall());
	assert_int_equal(ulid_time("01ARYZ6S41TSV4RRFFQ69G5FAV"), INT64_C(1469918176385));       /* the example of its specification */
	assert_int_equal(ulid_time("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), (INT64_C(1) << 48) - 1);
}

static int
by_text(const void *a, const void *b)
{
	return memcmp(a, b, ULID_LENGTH);
}

static void
test_no_identifier_is_given_twice(void **state)
{
	enum { MANY = 20000 };
	char (*ids)[ULID_LENGTH + 1] = calloc(MANY, sizeof *ids);

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		ulid_make(ids[i]);
	qsort(ids, MANY, sizeof *ids, by_text);
	for (size_t i = 1; i < MANY; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	free(ids);
}

/* Each of the 16 digits behind the time takes all 32 values: no bit of the chance is lost on the way. */
static void
test_all_chance_is_in_an_identifier(void **state)
{
	uint32_t seen[ULID_LENGTH] = {0};
	char id[ULID_LENGTH + 1];

	(void)state;
	for (int i = 0; i < 3000; i++) {
		ulid_make(id);
		for (size_t at = 10; at < ULID_LENGTH; at++)
			seen[at] |= UINT32_C(1) << (strchr("0123456789ABCDEFGHJKMNPQRSTVWXYZ", id[at]) - "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
	}
	for (size_t at = 10; at < ULID_LENGTH; at++)
		assert_int_equal(seen[at], UINT32_MAX);
}

static void
test_what_is_no_identifier(void **state)
{
	static const char *const bad[] = {
		"", "01ARYZ6S41TSV4RRFFQ69G5FA", "01ARYZ6S41TSV4RRFFQ69G5FAVX", "81ARYZ6S41TSV4RRFFQ69G5FAV", "01aryz6s41tsv4rrffq69g5fav",
		"01ARYZ6S41TSV4RRFFQ69G5FAI", "01ARYZ6S41TSV4RRFFQ69G5FAL", "01ARYZ6S41TSV4RRFFQ69G5FAO", "01ARYZ6S41TSV4RRFFQ69G5FAU", "01ARYZ6S41TSV4RRFFQ69G5FA'",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (ulid_valid(bad[i]))
			fail_msg("%s was taken for an identifier", bad[i]);
	assert_true(ulid_valid("01ARYZ6S41TSV4RRFFQ69G5FAV"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_duration_has_two_units_at_most, in_utc),
		cmocka_unit_test_setup(test_a_time_has_its_day_where_it_is_not_today, in_utc),
		cmocka_unit_test_setup(test_a_time_is_said_both_ways, in_utc),
		cmocka_unit_test_setup(test_an_absurd_time_does_no_harm, in_utc),
		cmocka_unit_test(test_the_zone_decides_what_the_time_is_and_when_the_day_began),
		cmocka_unit_test(test_a_zone_that_is_none_is_refused_and_changes_nothing),
		cmocka_unit_test(test_spans_are_read),
		cmocka_unit_test(test_the_clocks_go),
		cmocka_unit_test(test_an_identifier_carries_its_time),
		cmocka_unit_test(test_no_identifier_is_given_twice),
		cmocka_unit_test(test_all_chance_is_in_an_identifier),
		cmocka_unit_test(test_what_is_no_identifier),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
