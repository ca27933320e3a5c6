/* calendar: the events of an iCalendar file (RFC 5545), as spans of time. A file that is changed is read again; while it cannot be, what it said
 * before holds. */
#ifndef SALLYPORT_RIGHTS_CALENDAR_H
#define SALLYPORT_RIGHTS_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/rights/window.h"

struct calendar;
struct error;

struct calendar *calendar_open(const char *path, struct error *);      /* NULL with a sentence where it cannot be read, or understood */
void calendar_free(struct calendar *);
const char *calendar_path(const struct calendar *);

/* Looks whether the file is another one by now. CALENDAR_LOST, with a sentence, once for each time that what it became is of no use. */
enum calendar_news { CALENDAR_SAME, CALENDAR_READ, CALENDAR_LOST };
enum calendar_news calendar_look(struct calendar *, struct error *);

/* The span of an event that `at` is in, or else the first one behind it; events that meet are one span. False: there is none within a year.
 * Times without a zone, and whole days, are of the gateway's zone. */
bool calendar_at(struct calendar *, int64_t at, struct span *out);

#endif
