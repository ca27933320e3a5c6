/* intent: what was asked for and may change something: written before the first byte leaves, carried out at most once. */
#ifndef SALLYPORT_WORK_INTENT_H
#define SALLYPORT_WORK_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct named;
struct tables;

extern const struct tables intent_tables;

/* One row. The arguments are the resolved ones: nothing is parsed again. */
struct intent {
	int64_t id, event;              /* event 0: none */
	const char *key;                /* the request's, for ever */
	const char *person, *account, *proof, *shown;
	const char *place, *replies, *room;     /* replies, room: may be NULL */
	const char *instance, *verb, *line, *args;      /* instance NULL: a verb of ours; args: JSON */
	const char *label;              /* NULL: it makes no living thing */
	const char *rule;
	int64_t asked;
	const char *state;              /* as it was read: waiting, ready, sent, unknown ... */
	bool restored;                  /* it was open in a backup that was put back: what became of it since cannot be told by looking */
	unsigned char hash[32];         /* of instance, verb, args, person: what was decided upon */
};

void intent_hash(struct intent *);
struct intent intent_copy(struct arena *, const struct intent *);
const char *intent_args(struct arena *, const struct named *, size_t count);    /* as JSON, in the order of their names */
size_t intent_read_args(struct arena *, const char *json, struct named *out, size_t most);

/* On the store's thread. A new row, in the state asked: sets id. */
bool intent_write(struct db *, struct intent *, struct error *);
/* From one state to the next; *moved false: it is not in `from` any more. After the commit that says sent the first byte may leave, once. */
bool intent_move(struct db *, int64_t id, const char *from, const char *to, bool *moved, struct error *);
/* A new row that needs nothing more: asked -> ready -> sent in one transaction. */
bool intent_send(struct db *, struct intent *, struct error *);
/* Ends it: done, failed, unknown, refused, expired, revoked. What does not lead there is refused by the table itself. */
bool intent_end(struct db *, int64_t id, const char *state, const char *outcome, struct error *);
/* What a message asked for, once it was carried out or on its way. */
bool intent_asked_by(struct db *, const char *place, const char *message, struct arena *, struct intent *out, bool *found, struct error *);
bool intent_read(struct db *, int64_t id, struct arena *, struct intent *out, bool *found, struct error *);
/* The arguments, as JSON, of what made the thing of that name; NULL where there is none. */
bool intent_asked(struct db *, const char *label, struct arena *, const char **args, struct error *);
/* Those that an earlier life left as ready or sent, or that nobody could settle yet: oldest first. */
bool intent_unfinished(struct db *, struct arena *, void (*each)(const struct intent *, void *), void *with, struct error *);
/* In a backup that is put back: nothing that was open is sent, or looked for, again. `*unknown`: how many may have happened. */
bool intent_restored(struct db *, int64_t *unknown, struct error *);

#endif
