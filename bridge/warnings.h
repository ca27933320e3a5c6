/* warnings: what is no mistake in a configuration and yet likely not meant: roles that nobody has, rooms where nobody may do anything. */
#ifndef SALLYPORT_WARNINGS_H
#define SALLYPORT_WARNINGS_H

struct sections;
struct setup;

/* Of a setup without mistakes: behind one they would often be its echo. Where a directory names people too, nobody knows yet who has what. */
void warnings_find(struct setup *, const struct sections *persons, const struct sections *roles, const struct sections *freezes);
/* What has passed by now, on the clocks of the zone that is in force. */
void warnings_past(struct setup *);
void warnings_log(struct setup *);      /* the same, and then all of them into the log */

#endif
