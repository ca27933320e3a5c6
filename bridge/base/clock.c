/* clock: what time it is, and how times and durations are said. */
#include "bridge/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Called before there is a second thread: the C library keeps one zone for all. */
bool
clock_zone(const char *name)
{
	char path[256];

	if (!isalpha((unsigned char)*name) || strstr(name, ".."))
		return false;
	if (snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name) >= (int)sizeof path || access(path, R_OK) != 0)
		return false;
	setenv("TZ", name, 1);
	tzset();
	return true;
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
	if (ms < 9950)
		return ms % SECOND < 50 && ms >= SECOND ? arena_printf(arena, "%lld s", (long long)(ms / SECOND))
			: arena_printf(arena, "%.1f s", (double)ms / SECOND);
	if (ms < MINUTE - SECOND / 2)
		return arena_printf(arena, "%lld s", (long long)((ms + SECOND / 2) / SECOND));
	if (ms < HOUR)
		return two_units(arena, ms + SECOND / 2, MINUTE, "min", SECOND, "s");
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
	int64_t far = wall > now ? wall - now : now - wall;
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
	return (int64_t)mktime(&parts) * 1000;
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

char *
clock_ago(struct arena *arena, int64_t wall, int64_t now)
{
	if (wall > now)
		return arena_printf(arena, "%s (in %s)", clock_time(arena, wall, now), roughly(arena, wall - now));
	return arena_printf(arena, "%s (%s ago)", clock_time(arena, wall, now), roughly(arena, now - wall));
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
