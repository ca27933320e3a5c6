/* label: living things: a short id for life (B31), the same in every chat, and what is known of the thing behind it. */
#ifndef SALLYPORT_TALK_LABEL_H
#define SALLYPORT_TALK_LABEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;
struct task;

extern const struct tables label_tables;

struct label {
	int64_t id;
	const char *name;               /* B31 */
	const char *kind;               /* ci */
	const char *instance;
	const char *subject;            /* what the kind knows it by: a build's token; "" until it has one */
	const char *room;               /* where it was asked for; NULL: in private */
	const char *card;               /* its latest card, as JSON; NULL: none yet */
	bool closed;
};

bool label_shaped(const char *word);                    /* B31, a7: one letter and a number */

/* On the store's thread. */
bool label_new(struct db *, char letter, struct label *inout, struct arena *, struct error *);     /* sets id and name; numbers are never reused */
bool label_subject(struct db *, const char *name, const char *subject, struct error *);
bool label_card(struct db *, const char *name, const char *card, bool closed, struct error *);
bool label_get(struct db *, const char *name, struct arena *, struct label *out);      /* any case; false: there is none */
bool label_of(struct db *, const char *kind, const char *instance, const char *subject, struct arena *, struct label *out);
/* Calls `each` for those not closed, newest last. `room` NULL: all. */
void label_open(struct db *, const char *kind, const char *instance, const char *room, struct arena *,
	void (*each)(const struct label *, void *), void *with);

/* From a task: label_get() on the store's thread. False without an error where there is none. */
bool label_look(struct task *, const char *name, struct label *out);
bool label_look_of(struct task *, const char *kind, const char *instance, const char *subject, struct label *out);      /* label_of(), in the same way */
bool label_look_open(struct task *, const char *kind, const char *instance, const char *room, struct label **out, size_t *count);   /* label_open() */
/* The next number of each letter; 0: it was not used. */
enum { LABEL_LETTERS = 26 };
bool label_numbers(struct db *, int64_t next[LABEL_LETTERS], struct error *);
/* In a backup that is put back: the numbers go on `by` further, and behind those that are known to have been given out since. */
bool label_restored(struct db *, int64_t by, const int64_t known[LABEL_LETTERS], struct error *);

#endif
