/* clock: what time it is, and how times and durations are said. */
#include "bridge/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/base/arena.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

static int64_t
now_of(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall(void)
{
	return now_of(CLOCK_REALTIME);
}

int64_t
clock_mono(void)
{
	return now_of(CLOCK_MONOTONIC);
}

/* Its folder holds other files too, and folders: a zone says so in its first four bytes. */
static bool
is_zone(const char *path)
{
	FILE *file = fopen(path, "re");
	char begins[4];

	if (!file)
		return false;
	bool zone = fread(begins, 1, sizeof begins, file) == sizeof begins && !memcmp(begins, "TZif", sizeof begins);
	fclose(file);
	return zone;
}

bool
clock_zone_known(const char *name)
{
	char path[256];

	if (!isalpha((unsigned char)*name) || strstr(name, ".."))
		return false;
	return snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name) < (int)sizeof path && is_zone(path);
}

bool
clock_zone(const char *name)
{
	if (!name)
		return true;
	if (!clock_zone_known(name))
		return false;
	setenv("TZ", name, 1);
	tzset();
	return true;
}

/* From one time to another. A service may say any number for a time. */
static int64_t
gap(int64_t from, int64_t to)
{
	int64_t ms;

	if (__builtin_sub_overflow(to, from, &ms))
		return to > from ? INT64_MAX : -INT64_MAX;
	return ms;
}

/* Two units at most; the second is left out where it is zero. */
static char *
two_units(struct arena *arena, int64_t ms, int64_t large, const char *large_name, int64_t small, const char *small_name)
{
	long long first = ms / large, second = ms % large / small;
	const char *s = first != 1 && !strcmp(large_name, "day") ? "s" : "";

	if (!second)
		return arena_printf(arena, "%lld %s%s", first, large_name, s);
	return arena_printf(arena, "%lld %s%s %lld %s", first, large_name, s, second, small_name);
}

char *
clock_span(struct arena *arena, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < 100)
		return arena_printf(arena, "%lld ms", (long long)ms);
	if (ms < 10 * SECOND - 50) {
		long long tenths = (ms + 50) / 100;
		return tenths % 10 ? arena_printf(arena, "%lld.%lld s", tenths / 10, tenths % 10) : arena_printf(arena, "%lld s", tenths / 10);
	}
	/* Rounded first, so that nothing is said to last 60 s or 60 min. */
	ms = ms > INT64_MAX - SECOND / 2 ? ms : ms + SECOND / 2;
	if (ms < MINUTE)
		return arena_printf(arena, "%lld s", (long long)(ms / SECOND));
	if (ms < HOUR)
		return two_units(arena, ms, MINUTE, "min", SECOND, "s");
	if (ms < DAY)
		return two_units(arena, ms, HOUR, "h", MINUTE, "min");
	return two_units(arena, ms, DAY, "day", HOUR, "h");
}

char *
clock_time(struct arena *arena, int64_t wall, int64_t now)
{
	time_t then_s = (time_t)(wall / 1000), now_s = (time_t)(now / 1000);
	struct tm then, today;
	char text[64];

	localtime_r(&then_s, &then);
	localtime_r(&now_s, &today);
	int64_t far = wall > now ? gap(now, wall) : gap(wall, now);
	const char *format = then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ? "%H:%M"
		: far < 6 * (int64_t)DAY ? "%a %H:%M" : "%Y-%m-%d %H:%M";
	/* Its one warning is of a format it cannot see. */
	#pragma GCC diagnostic push
	#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strftime(text, sizeof text, format, &then);
	#pragma GCC diagnostic pop
	return arena_text(arena, text);
}

int64_t
clock_midnight(int64_t wall)
{
	time_t then = (time_t)(wall / 1000);
	struct tm parts;

	localtime_r(&then, &parts);
	parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
	parts.tm_isdst = -1;
	int64_t midnight = (int64_t)mktime(&parts);
	return midnight > INT64_MIN / 1000 ? midnight * 1000 : INT64_MIN;
}

/* One unit is enough beside the time itself. */
static char *
roughly(struct arena *arena, int64_t ms)
{
	if (ms < MINUTE)
		return arena_printf(arena, "%lld s", (long long)(ms / SECOND));
	if (ms < HOUR)
		return arena_printf(arena, "%lld min", (long long)(ms / MINUTE));
	if (ms < 2 * (int64_t)DAY)
		return arena_printf(arena, "%lld h", (long long)(ms / HOUR));
	return arena_printf(arena, "%lld days", (long long)(ms / DAY));
}

/* People plan by what is to come: by the minute, where it comes soon. */
static char *
until(struct arena *arena, int64_t ms)
{
	if (ms < MINUTE || ms > INT64_MAX - MINUTE)
		return roughly(arena, ms);
	ms = (ms / MINUTE + (ms % MINUTE >= MINUTE / 2)) * MINUTE;
	return ms >= HOUR && ms < DAY / 2 ? two_units(arena, ms, HOUR, "h", MINUTE, "min") : roughly(arena, ms);
}

char *
clock_ago(struct arena *arena, int64_t wall, int64_t now)
{
	if (wall > now)
		return arena_printf(arena, "%s (in %s)", clock_time(arena, wall, now), until(arena, gap(now, wall)));
	return arena_printf(arena, "%s (%s ago)", clock_time(arena, wall, now), roughly(arena, gap(wall, now)));
}

bool
clock_parse_span(const char *text, int64_t *ms)
{
	static const struct { char unit; int64_t ms; } units[] = { { 's', SECOND }, { 'm', MINUTE }, { 'h', HOUR }, { 'd', DAY } };
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 12)
		return false;
	long long count = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (*end == units[i].unit && !end[1] && count <= 3650LL * DAY / units[i].ms) {
			*ms = count * units[i].ms;
			return true;
		}
	return false;
}

bool
clock_parse_when(const char *word, int64_t now, int64_t *wall)
{
	struct tm day = { .tm_isdst = -1 };
	const char *end = strptime(word, "%Y-%m-%d", &day);
	int64_t span;

	if (!strcmp(word, "today"))
		*wall = clock_midnight(now);
	else if (end && !*end)
		*wall = (int64_t)mktime(&day) * 1000;
	else if (clock_parse_span(word, &span))
		*wall = now - span;
	else
		return false;
	return *wall > 0;
}
