/* Tests of iCalendar files as spans of time: repetitions, exceptions, zones, whole days; and of files that are of no use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/calendar.h"

static char path[] = "/tmp/test_calendar.XXXXXX";

static void
write_bytes(const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

#define ZONE "BEGIN:VTIMEZONE\r\nTZID:Their Time\r\n" \
	"BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n" \
	"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\n" \
	"END:VTIMEZONE\r\n"

/* Events as a file: each line of `events` ends with |. */
static void
write_calendar(const char *events)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 1 << 20);

	text_add(&text, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" ZONE);
	for (; *events; events++)
		text_add_bytes(&text, *events == '|' ? "\r\n" : events, *events == '|' ? 2 : 1);
	text_add(&text, "END:VCALENDAR\r\n");
	write_bytes(text.bytes, text.length);
	arena_free(arena);
}

static int64_t
utc(const char *text)
{
	struct tm parts = { 0 };

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &parts));
	return (int64_t)timegm(&parts) * 1000;
}

/* "2026-11-20 15:00 - 2026-11-23 07:00", or "nothing". */
static const char *
span_at(struct calendar *calendar, const char *at)
{
	static char text[100];
	struct span span;
	struct tm parts;

	if (!calendar_at(calendar, utc(at), &span))
		return "nothing";
	time_t from = (time_t)(span.from / 1000), to = (time_t)(span.to / 1000);
	gmtime_r(&from, &parts);
	size_t length = strftime(text, sizeof text, "%Y-%m-%d %H:%M - ", &parts);
	gmtime_r(&to, &parts);
	strftime(text + length, sizeof text - length, "%Y-%m-%d %H:%M", &parts);
	return text;
}

#define EVENT(lines) "BEGIN:VEVENT|UID:a@test|SUMMARY:stock-taking|DTSTAMP:20260101T000000Z|" lines "END:VEVENT|"

static void
test_when_an_event_is(void **state)
{
	static const struct { const char *events, *at, *is; } rows[] = {
		{ EVENT("DTSTART:20261201T100000Z|DTEND:20261201T120000Z|"), "2026-11-23 00:00", "2026-12-01 10:00 - 2026-12-01 12:00" },
		{ EVENT("DTSTART:20261201T100000Z|DTEND:20261201T120000Z|"), "2026-12-01 11:59", "2026-12-01 10:00 - 2026-12-01 12:00" },
		{ EVENT("DTSTART:20261201T100000Z|DTEND:20261201T120000Z|"), "2026-12-01 12:00", "nothing" },
		{ EVENT("DTSTART:20261201T100000Z|DURATION:PT90M|"), "2026-11-23 00:00", "2026-12-01 10:00 - 2026-12-01 11:30" },
		/* Without an end it is a whole day, or no time at all. */
		{ EVENT("DTSTART;VALUE=DATE:20261224|"), "2026-11-23 00:00", "2026-12-23 23:00 - 2026-12-24 23:00" },
		{ EVENT("DTSTART:20261201T100000Z|"), "2026-11-23 00:00", "nothing" },
		/* Whole days and times without a zone are ours: Madrid. */
		{ EVENT("DTSTART;VALUE=DATE:20261223|DTEND;VALUE=DATE:20270103|"), "2026-12-31 00:00", "2026-12-22 23:00 - 2027-01-02 23:00" },
		{ EVENT("DTSTART:20260701T100000|DTEND:20260701T120000|"), "2026-06-30 00:00", "2026-07-01 08:00 - 2026-07-01 10:00" },
		/* A zone of the file, and one that is known here. */
		{ EVENT("DTSTART;TZID=Their Time:20260701T100000|DTEND;TZID=Their Time:20260701T120000|"), "2026-06-30 00:00", "2026-07-01 08:00 - 2026-07-01 10:00" },
		{ EVENT("DTSTART;TZID=America/New_York:20261201T100000|DURATION:PT1H|"), "2026-11-23 00:00", "2026-12-01 15:00 - 2026-12-01 16:00" },
		/* Each week, by the clock, also across its changes; long after it began. */
		{ EVENT("DTSTART;TZID=Their Time:20200103T160000|DTEND;TZID=Their Time:20200106T080000|RRULE:FREQ=WEEKLY|"), "2026-11-23 07:00", "2026-11-27 15:00 - 2026-11-30 07:00" },
		{ EVENT("DTSTART;TZID=Their Time:20200103T160000|DTEND;TZID=Their Time:20200106T080000|RRULE:FREQ=WEEKLY|"), "2026-11-23 06:59", "2026-11-20 15:00 - 2026-11-23 07:00" },
		{ EVENT("DTSTART;TZID=Their Time:20200103T160000|DTEND;TZID=Their Time:20200106T080000|RRULE:FREQ=WEEKLY|"), "2026-10-24 00:00", "2026-10-23 14:00 - 2026-10-26 07:00" },
		{ EVENT("DTSTART:20200103T160000|DTEND:20200106T080000|RRULE:FREQ=WEEKLY|"), "2026-03-28 00:00", "2026-03-27 15:00 - 2026-03-30 06:00" },
		/* Each second week stays each second week: 2026-11-20 is 359 weeks behind the first. */
		{ EVENT("DTSTART:20200103T160000Z|DTEND:20200103T170000Z|RRULE:FREQ=WEEKLY;INTERVAL=2|"), "2026-11-16 00:00", "2026-11-27 16:00 - 2026-11-27 17:00" },
		{ EVENT("DTSTART;VALUE=DATE:20200229|RRULE:FREQ=YEARLY|"), "2027-03-01 00:00", "2028-02-28 23:00 - 2028-02-29 23:00" },
		{ EVENT("DTSTART;VALUE=DATE:20200131|RRULE:FREQ=MONTHLY;BYMONTHDAY=-1|"), "2026-11-23 00:00", "2026-11-29 23:00 - 2026-11-30 23:00" },
		/* So often, or until then. */
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|"), "2026-11-22 16:30", "2026-11-22 16:00 - 2026-11-22 17:00" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=3|"), "2026-11-22 17:00", "nothing" },
		{ EVENT("DTSTART;TZID=Their Time:20261120T160000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20261122T150000Z|"), "2026-11-22 00:00", "2026-11-22 15:00 - 2026-11-22 16:00" },
		{ EVENT("DTSTART;TZID=Their Time:20261120T160000|DURATION:PT1H|RRULE:FREQ=DAILY;UNTIL=20261122T150000Z|"), "2026-11-22 16:00", "nothing" },
		{ EVENT("DTSTART:20200103T160000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY;UNTIL=20210101T000000Z|"), "2026-11-22 16:00", "nothing" },
		/* Taken out, put in, moved, cancelled. */
		{ EVENT("DTSTART;TZID=Their Time:20261120T160000|DURATION:PT1H|RRULE:FREQ=DAILY|EXDATE;TZID=Their Time:20261123T160000,20261124T160000|EXDATE:20261125T150000Z|"),
			"2026-11-23 00:00", "2026-11-26 15:00 - 2026-11-26 16:00" },
		{ EVENT("DTSTART;VALUE=DATE:20261120|RRULE:FREQ=DAILY|EXDATE;VALUE=DATE:20261124|"), "2026-11-23 23:00", "2026-11-24 23:00 - 2027-12-28 23:00" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RDATE:20261130T160000Z|EXDATE:20261120T160000Z|RDATE:20261201T160000Z|"), "2026-11-20 00:00",
			"2026-11-30 16:00 - 2026-11-30 17:00" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY|")
			EVENT("RECURRENCE-ID:20261127T160000Z|DTSTART:20261128T090000Z|DURATION:PT2H|"), "2026-11-21 00:00", "2026-11-28 09:00 - 2026-11-28 11:00" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY|")
			EVENT("RECURRENCE-ID:20261127T160000Z|DTSTART:20261127T160000Z|DURATION:PT1H|STATUS:CANCELLED|"), "2026-11-21 00:00", "2026-12-04 16:00 - 2026-12-04 17:00" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|STATUS:CANCELLED|"), "2026-11-20 00:00", "nothing" },
		/* Those that meet are one; a day in days, an hour in hours across a change. */
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|") EVENT("DTSTART:20261120T170000Z|DURATION:PT1H|") EVENT("DTSTART:20261120T163000Z|DURATION:PT15M|"),
			"2026-11-20 16:40", "2026-11-20 16:00 - 2026-11-20 18:00" },
		{ EVENT("DTSTART;TZID=Their Time:20261024T120000|DURATION:P1D|"), "2026-10-24 10:00", "2026-10-24 10:00 - 2026-10-25 11:00" },
		{ EVENT("DTSTART;TZID=Their Time:20261024T120000|DURATION:PT24H|"), "2026-10-24 10:00", "2026-10-24 10:00 - 2026-10-25 10:00" },
		/* Folded lines, and words that do not matter to us. */
		{ EVENT("DTSTART:202611\r\n 20T160000Z|DURATION:PT1\r\n\tH|LOCATION:|X-ODD;ODD=1:x|"), "2026-11-20 00:00", "2026-11-20 16:00 - 2026-11-20 17:00" },
		{ "", "2026-11-20 00:00", "nothing" },
	};

	(void)state;
	assert_true(clock_zone("Europe/Madrid"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct error error = { "" };
		write_calendar(rows[i].events);
		struct calendar *calendar = calendar_open(path, &error);
		if (!calendar)
			fail_msg("%s: %s", rows[i].events, error.text);
		if (strcmp(span_at(calendar, rows[i].at), rows[i].is))
			fail_msg("%s at %s: %s, not %s", rows[i].events, rows[i].at, span_at(calendar, rows[i].at), rows[i].is);
		calendar_free(calendar);
	}
}

static void
test_what_goes_on_for_ever_is_seen_whenever_it_is_asked_for(void **state)
{
	struct error error;

	(void)state;
	write_calendar(EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=WEEKLY|"));
	struct calendar *calendar = calendar_open(path, &error);
	assert_non_null(calendar);
	assert_string_equal(span_at(calendar, "2026-11-21 00:00"), "2026-11-27 16:00 - 2026-11-27 17:00");
	assert_string_equal(span_at(calendar, "2031-11-18 00:00"), "2031-11-21 16:00 - 2031-11-21 17:00");
	/* A clock that is set back finds what was before. */
	assert_string_equal(span_at(calendar, "2026-11-21 00:00"), "2026-11-27 16:00 - 2026-11-27 17:00");
	calendar_free(calendar);
}

static void
test_a_file_that_is_of_no_use_is_told(void **state)
{
	static const struct { const char *events, *says; } rows[] = {
		{ EVENT("DTEND:20261120T160000Z|"), "does not say when it begins" },
		{ EVENT("DTSTART:soon|DURATION:PT1H|"), "stock-taking has a time" },
		{ EVENT("DTSTART:20261320T160000Z|DURATION:PT1H|"), "has a time" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:long|"), "cannot be read" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:-PT1H|"), "duration that is none" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:P9999D|"), "more than ten years" },
		{ EVENT("DTSTART:20261120T160000Z|DTEND:20261119T160000Z|"), "ends before it begins" },
		{ EVENT("DTSTART;TZID=Nowhere/Atall:20261120T160000|DURATION:PT1H|"), "time zone" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=SOMETIMES|"), "cannot be read" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=SECONDLY|"), "each minute" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=MINUTELY;INTERVAL=90|"), "each minute" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RDATE;VALUE=PERIOD:20261130T160000Z/PT2H|"), "PERIOD" },
		{ EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|RRULE:FREQ=DAILY|EXDATE;TZID=Nowhere/Atall:20261121T160000|"), "time zone" },
		{ EVENT("DTSTART:19000101T000000Z|DURATION:PT1H|RRULE:FREQ=HOURLY;COUNT=100000000|"), "too often" },
		{ "BEGIN:VTODO|BEGIN:A|BEGIN:A|BEGIN:A|BEGIN:A|BEGIN:A|BEGIN:A|BEGIN:A|END:A|END:A|END:A|END:A|END:A|END:A|END:A|END:VTODO|", "too deep" },
		{ "BEGIN:VEVENT|", "not whole" },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_calendar(rows[i].events);
		error.text[0] = '\0';
		if (calendar_open(path, &error) || !strstr(error.text, rows[i].says) || !strstr(error.text, path))
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].events, error.text, rows[i].says);
	}
	write_bytes("hello\n", 6);
	assert_null(calendar_open(path, &error));
	assert_non_null(strstr(error.text, "no iCalendar file"));
	write_bytes("", 0);
	assert_null(calendar_open(path, &error));
	write_bytes("BEGIN:VCALENDAR\nVERSION:2.0\n", 28);
	assert_null(calendar_open(path, &error));
	assert_non_null(strstr(error.text, "not whole"));
	write_bytes("BEGIN:VCALENDAR\0\nEND:VCALENDAR\n", 31);
	assert_null(calendar_open(path, &error));
	assert_non_null(strstr(error.text, "NUL"));
	assert_int_equal(truncate(path, (1 << 20) + 1), 0);
	assert_null(calendar_open(path, &error));
	assert_non_null(strstr(error.text, "1 MiB"));
	assert_null(calendar_open("/tmp", &error));
	assert_non_null(strstr(error.text, "no regular file"));
	assert_null(calendar_open("/tmp/nothing/there", &error));
	assert_non_null(strstr(error.text, "could not be opened"));
}

static void
set_time(time_t seconds)
{
	const struct timespec times[2] = { { seconds, 0 }, { seconds, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
test_what_it_said_before_holds_until_it_can_be_read_again(void **state)
{
	struct error error = { "" };

	(void)state;
	write_calendar(EVENT("DTSTART:20261120T160000Z|DURATION:PT1H|"));
	set_time(1000);
	struct calendar *calendar = calendar_open(path, &error);
	assert_non_null(calendar);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_SAME);
	write_bytes("BEGIN:VCALENDAR\n", 16);
	set_time(2000);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_LOST);
	assert_non_null(strstr(error.text, "not whole"));
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_SAME);
	assert_string_equal(span_at(calendar, "2026-11-20 00:00"), "2026-11-20 16:00 - 2026-11-20 17:00");
	/* Told once, however it is spoiled. */
	write_bytes("nothing", 7);
	set_time(2001);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_SAME);
	write_calendar(EVENT("DTSTART:20261121T160000Z|DURATION:PT1H|"));
	set_time(3000);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_READ);
	assert_string_equal(span_at(calendar, "2026-11-20 00:00"), "2026-11-21 16:00 - 2026-11-21 17:00");
	char away[sizeof path + 5];
	snprintf(away, sizeof away, "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_LOST);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_SAME);
	assert_string_equal(span_at(calendar, "2026-11-20 00:00"), "2026-11-21 16:00 - 2026-11-21 17:00");
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_READ);
	assert_int_equal(calendar_look(calendar, &error), CALENDAR_SAME);
	calendar_free(calendar);
}

/* As large as it may be, and each event moved, excepted and repeating: the loop waits for it. */
static void
test_a_large_file_takes_no_time(void **state)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 1 << 20);
	struct error error = { "" };

	(void)state;
	for (int i = 0; text.length < 900000; i++)
		text_printf(&text, "BEGIN:VEVENT|UID:%d|DTSTAMP:20260101T000000Z|DTSTART:2026%02d%02dT160000Z|DURATION:PT1H|RRULE:FREQ=YEARLY|END:VEVENT|", i, 1 + i % 12, 1 + i / 12 % 28);
	int64_t before = clock_mono();
	write_calendar(text.bytes);
	struct calendar *calendar = calendar_open(path, &error);
	assert_non_null(calendar);
	if (getenv("SALLYPORT_SHOW"))
		print_message("%lld ms\n", (long long)(clock_mono() - before));
	assert_true(clock_mono() - before < 20000);
	calendar_free(calendar);
	arena_free(arena);
}

static int
begin(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int
end(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when_an_event_is),
		cmocka_unit_test(test_what_goes_on_for_ever_is_seen_whenever_it_is_asked_for),
		cmocka_unit_test(test_a_file_that_is_of_no_use_is_told),
		cmocka_unit_test(test_what_it_said_before_holds_until_it_can_be_read_again),
		cmocka_unit_test(test_a_large_file_takes_no_time),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
