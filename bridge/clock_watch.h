/* clock_watch: whether somebody set the wall clock while we run: that is written into the audit, whose times it shifts. */
#ifndef SALLYPORT_CLOCK_WATCH_H
#define SALLYPORT_CLOCK_WATCH_H

struct clock_watch;
struct engine;

struct clock_watch *clock_watch_open(const struct engine *);    /* looks from now on, every few seconds */
void clock_watch_close(struct clock_watch *);                   /* before the store; NULL is fine */

#endif
