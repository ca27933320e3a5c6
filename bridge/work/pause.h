/* pause: one switch for everything that changes something; it survives restarts. */
#ifndef SALLYPORT_WORK_PAUSE_H
#define SALLYPORT_WORK_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct pause;
struct request;
struct tables;
struct task;

extern const struct tables pause_tables;

struct pause *pause_new(void);
void pause_free(struct pause *);
bool pause_load(struct task *, struct pause *);         /* what an earlier life left; false with the task's error */

/* The row, on the store's thread. */
struct pause_row { bool on; const char *by, *why; int64_t since; };
bool pause_read(struct db *, struct pause_row *, struct arena *, struct error *);
bool pause_write(struct db *, const struct pause_row *, struct error *);

/* NULL: nothing is paused; else a sentence without its full stop: "everything that changes something is paused by bob since 14:02 ..." */
const char *pause_why(const struct pause *, struct arena *);

bool pause_run(struct request *);
bool pause_settle(struct request *);
bool resume_run(struct request *);
bool resume_settle(struct request *);

#endif
