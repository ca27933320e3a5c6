/* window: spans of time as people write them, on the clocks of the gateway's zone. */
#include "bridge/rights/window.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { HOUR = 60, DAY_MINUTES = 24 * HOUR, WEEK_DAYS = 7 };

static const char *const weekdays[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

/* Times of the clocks. */

/* One of the two ways to understand them: with summer time, or without. */
static bool
understood(const struct tm *wanted, int summer, time_t *out, bool *as_shown)
{
	struct tm plain = *wanted, parts = *wanted, shown;

	plain.tm_isdst = 0;
	timegm(&plain);                 /* the same clock, with every field within its bounds */
	parts.tm_isdst = summer;
	*out = mktime(&parts);
	if (*out == (time_t)-1 || !localtime_r(out, &shown))
		return false;
	*as_shown = shown.tm_mday == plain.tm_mday && shown.tm_hour == plain.tm_hour && shown.tm_min == plain.tm_min && shown.tm_sec == plain.tm_sec;
	return true;
}

/* A time that the clocks never show counts with the offset from before they were changed, as in RFC 5545. */
int64_t
window_local(const struct tm *clock, bool later)
{
	bool found = false, shown = false;
	time_t best = 0, one;

	for (int summer = 0; summer <= 1; summer++) {
		bool so;
		if (!understood(clock, summer, &one, &so) || (shown && !so))
			continue;
		if (!found || (so && !shown) || ((later || !so) ? one > best : one < best))
			best = one;
		found = true;
		shown = shown || so;
	}
	return (int64_t)best * 1000;
}

static int64_t
on_day(int year, int month, int day, int minute, bool later)
{
	struct tm clock = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = minute / HOUR, .tm_min = minute % HOUR };

	return window_local(&clock, later);
}

/* Reading. */

/* Exactly so many digits. */
static bool
read_digits(const char **at, int digits, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++, ++*at) {
		if (!isdigit((unsigned char)**at))
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return !isdigit((unsigned char)**at);
}

static bool
read_date(const char **at, struct moment *out)
{
	struct tm given = { 0 };

	if (!read_digits(at, 4, &out->year) || *(*at)++ != '-' || !read_digits(at, 2, &out->month) || *(*at)++ != '-' || !read_digits(at, 2, &out->day))
		return false;
	given.tm_year = out->year - 1900;
	given.tm_mon = out->month - 1;
	given.tm_mday = out->day;
	timegm(&given);
	return out->year >= 1970 && given.tm_mday == out->day && given.tm_mon == out->month - 1;
}

static bool
read_weekday(const char **at, struct moment *out)
{
	for (int i = 0; i < WEEK_DAYS; i++)
		if (!strncasecmp(*at, weekdays[i], 3) && !isalpha((unsigned char)(*at)[3])) {
			out->weekday = i;
			*at += 3;
			return true;
		}
	return false;
}

static bool
read_time(const char **at, struct moment *out)
{
	int hour, minute;

	if (!read_digits(at, 2, &hour) || *(*at)++ != ':' || !read_digits(at, 2, &minute) || minute >= HOUR)
		return false;
	out->minute = hour * HOUR + minute;
	return out->minute <= DAY_MINUTES;
}

static void
skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* A day, a time, or a day and a time. */
static bool
read_moment(const char **at, struct moment *out)
{
	*out = (struct moment){ .weekday = -1, .minute = -1 };
	skip_blanks(at);
	bool date = strspn(*at, "0123456789") == 4, day = date || isalpha((unsigned char)**at);
	if (date && !read_date(at, out))
		return false;
	if (day && !date && !read_weekday(at, out))
		return false;
	if (day && **at != ' ' && **at != '\t' && **at != 'T')
		return true;
	if (day && **at == 'T')
		++*at;
	skip_blanks(at);
	if (day && !isdigit((unsigned char)**at))
		return true;
	return read_time(at, out);
}

/* "MOMENT - MOMENT"; `single`: a moment alone is both. */
static bool
read_pair(const char *text, bool single, struct window *out)
{
	if (!read_moment(&text, &out->from))
		return false;
	skip_blanks(&text);
	if (single && !*text && out->from.minute < 0) {
		out->to = out->from;
		return true;
	}
	if (*text++ != '-' || !read_moment(&text, &out->to))
		return false;
	skip_blanks(&text);
	return !*text;
}

/* Without a time it is from the day's beginning, or to its end. */
static void
fill_minutes(struct window *window)
{
	window->from.minute = window->from.minute < 0 ? 0 : window->from.minute;
	window->to.minute = window->to.minute < 0 ? DAY_MINUTES : window->to.minute;
}

bool
window_read_weekly(const char *text, struct window *out)
{
	*out = (struct window){ 0 };
	if (!read_pair(text, true, out) || out->from.year || out->to.year || (out->from.weekday < 0) != (out->to.weekday < 0))
		return false;
	out->every = out->from.weekday < 0 ? 1 : WEEK_DAYS;
	fill_minutes(out);
	return out->from.weekday != out->to.weekday || out->from.minute != out->to.minute;
}

static int64_t
plain_minute(const struct moment *moment)
{
	struct tm plain = { .tm_year = moment->year - 1900, .tm_mon = moment->month - 1, .tm_mday = moment->day, .tm_min = moment->minute };

	return (int64_t)timegm(&plain);
}

bool
window_read_dates(const char *text, struct window *out)
{
	*out = (struct window){ 0 };
	if (!read_pair(text, true, out) || !out->from.year || !out->to.year)
		return false;
	fill_minutes(out);
	return plain_minute(&out->from) < plain_minute(&out->to);
}

/* Where it lies. */

/* How many days behind its beginning it ends. */
static int
days_long(const struct window *window)
{
	int days = window->every == 1 ? 0 : (window->to.weekday - window->from.weekday + WEEK_DAYS) % WEEK_DAYS;

	return days == 0 && window->to.minute <= window->from.minute ? window->every : days;
}

static bool
comes_again(const struct window *window, int64_t at, struct span *out)
{
	time_t seconds = (time_t)(at / 1000);
	struct tm today;

	localtime_r(&seconds, &today);
	int first = window->every == 1 ? 0 : window->from.weekday - today.tm_wday;
	for (int again = -2; again <= 2; again++) {
		int day = today.tm_mday + first + again * window->every;
		out->from = on_day(today.tm_year + 1900, today.tm_mon + 1, day, window->from.minute, false);
		out->to = on_day(today.tm_year + 1900, today.tm_mon + 1, day + days_long(window), window->to.minute, true);
		if (out->to > at)
			return true;
	}
	return false;
}

bool
window_at(const struct window *window, int64_t at, struct span *out)
{
	const struct moment *from = &window->from, *to = &window->to;

	if (window->every)
		return comes_again(window, at, out);
	out->from = on_day(from->year, from->month, from->day, from->minute, false);
	out->to = on_day(to->year, to->month, to->day, to->minute, true);
	return out->to > at;
}

bool
window_moment(const char *text, int64_t now, int64_t *at)
{
	time_t seconds = (time_t)(now / 1000);
	struct tm today;
	struct moment moment;

	if (!read_moment(&text, &moment))
		return false;
	skip_blanks(&text);
	if (*text)
		return false;
	int minute = moment.minute < 0 ? 0 : moment.minute;
	if (moment.year) {
		*at = on_day(moment.year, moment.month, moment.day, minute, true);
		return *at > now;
	}
	localtime_r(&seconds, &today);
	int every = moment.weekday < 0 ? 1 : WEEK_DAYS, first = moment.weekday < 0 ? 0 : moment.weekday - today.tm_wday;
	for (int again = -1; again <= 2; again++) {
		*at = on_day(today.tm_year + 1900, today.tm_mon + 1, today.tm_mday + first + again * every, minute, true);
		if (*at > now)
			return true;
	}
	return false;
}
