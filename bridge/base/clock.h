/* clock: what time it is, and how times and durations are said. */
#ifndef SALLYPORT_BASE_CLOCK_H
#define SALLYPORT_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

int64_t clock_wall(void);                    /* milliseconds since 1970, UTC: for people and rows */
int64_t clock_mono(void);                    /* milliseconds, never set back: for waits; never stored */
bool clock_zone_known(const char *name);     /* as in "Europe/Madrid" */
bool clock_zone(const char *name);           /* times are said in it from now on (NULL: the system's); false where it is not known. Before there is a second thread. */

int64_t clock_midnight(int64_t wall);        /* when its day began, in that zone */

char *clock_span(struct arena *, int64_t ms);               /* 12 ms, 0.2 s, 41 s, 3 min 48 s, 1 h 12 min, 2 days 4 h */
char *clock_time(struct arena *, int64_t wall, int64_t now);   /* 14:47; Thu 09:12 within a week; else 2026-12-23 09:12 */
char *clock_ago(struct arena *, int64_t wall, int64_t now);    /* 11:20 (3 h ago), 14:47 (in 30 min), 16:00 (in 1 h 38 min) */
bool clock_parse_span(const char *, int64_t *ms);           /* 90s 30m 12h 7d; false for anything else, or more than 10 years */
bool clock_parse_when(const char *, int64_t now, int64_t *wall);       /* today, 2026-12-01 (its midnight), 12h (ago) */

#endif
