/* inbox_rows: the deliveries as rows of the store: what came, what became of it, kept for 7 days. */
#ifndef SALLYPORT_WORK_INBOX_ROWS_H
#define SALLYPORT_WORK_INBOX_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/rule.h"

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables inbox_tables;

enum { INBOX_TRIES = 3 };

/* What is to be kept of a delivery. The body is borrowed until it was written. */
struct posted {
	const char *instance;
	const char *name;               /* what its sender calls it; NULL: nothing */
	bool once;                      /* where it has no name, equal bytes within 10 minutes are one */
	const char *rest, *type;
	const struct named *headers;
	size_t header_count;
	const char *body;
	size_t length;
	int64_t arrived;
};

struct inbox_row {
	int64_t id;                     /* 0: there is none */
	const char *instance, *name, *rest, *type;
	const struct named *headers;
	size_t header_count;
	const char *body;               /* ended by NUL; NULL in a list */
	size_t length;
	int64_t arrived;
	unsigned tries;                 /* begun and not ended well */
	const char *state;              /* new, done, dead */
	const char *error;              /* NULL: none */
};

/* All on the store's thread. */
bool inbox_keep(struct db *, struct arena *, const struct posted *, int64_t *id, struct error *);       /* *id 0: it came before */
bool inbox_done(struct db *, int64_t id, struct error *);                       /* nothing where it has ended already */
bool inbox_dead(struct db *, int64_t id, const char *why, struct error *);      /* the same */
bool inbox_tried(struct db *, int64_t id, int64_t more, const char *why, struct error *);       /* so many more that did not end well; why NULL: one begins */
bool inbox_next(struct db *, struct arena *, const char *instance, struct inbox_row *out, struct error *);      /* the first that is new */
bool inbox_get(struct db *, struct arena *, int64_t id, struct inbox_row *out, struct error *);
bool inbox_again(struct db *, int64_t id, struct error *);                      /* new as on its first day: at its place among those that are */
bool inbox_list(struct db *, struct arena *, const char *instance, int64_t most, void (*each)(const struct inbox_row *, void *), void *with,
	struct error *);        /* newest first; instance NULL: of all */
/* The instances that have new ones, how many, and the last id there is. */
bool inbox_left(struct db *, struct arena *, void (*each)(const char *instance, int64_t count, void *), void *with, int64_t *last, struct error *);
bool inbox_prune(struct db *, int64_t now, bool *more, struct error *);         /* those that ended and are older than 7 days, some at a time */
/* In a backup that is put back: what is new in it may have been carried out since, so it never is. */
bool inbox_restored(struct db *, int64_t *dropped, struct error *);

#endif
