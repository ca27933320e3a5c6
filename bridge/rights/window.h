/* window: spans of time as people write them: "Fri 16:00 - Mon 08:00", "2026-12-23 - 2027-01-02". They are read off the clocks of the gateway's
 * zone, so 08:00 stays 08:00 when these change: an hour that there is twice is in a window with both, one that is left out with what follows it. */
#ifndef SALLYPORT_RIGHTS_WINDOW_H
#define SALLYPORT_RIGHTS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Wall milliseconds; `to` is the first that is not in it any more. */
struct span { int64_t from, to; };

struct moment {
	int year, month, day;           /* year 0: no date; month from 1 */
	int weekday;                    /* from 0, Sunday; -1: none */
	int minute;                     /* of the day, to 1440; -1: none was written */
};

struct window {
	struct moment from, to;
	int every;                      /* days until it comes again; 0: never */
};

/* "Fri 16:00 - Mon 08:00", "Sat - Sun" (to the end of Sunday), "22:00 - 06:00" (every day). False for anything else, and where it ends as it begins. */
bool window_read_weekly(const char *text, struct window *out);
/* "2026-12-23 - 2027-01-02" (to the end of that day), "2026-12-23 18:00 - 2027-01-02 08:00", "2026-12-24". False also where it ends before it begins. */
bool window_read_dates(const char *text, struct window *out);
/* The span that `at` is in, or else the first one behind it. False: there is none any more. */
bool window_at(const struct window *, int64_t at, struct span *out);

/* "16:00", "Mon 08:00", "Mon", "2026-12-23", "2026-12-23 09:00": the first time behind `now` that it is so. False: never, or it is none. */
bool window_moment(const char *text, int64_t now, int64_t *at);

/* What the clocks show, as wall milliseconds; fields beyond their bounds count on. `later`: of an hour that there is twice, the second. */
int64_t window_local(const struct tm *, bool later);

#endif
