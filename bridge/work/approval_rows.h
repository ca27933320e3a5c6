/* approval_rows: what waits for a yes, and who said it, as rows of the store. All of it runs on the store's thread. */
#ifndef SALLYPORT_WORK_APPROVAL_ROWS_H
#define SALLYPORT_WORK_APPROVAL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables approval_tables;

enum { APPROVAL_HASH = 32, VOTES_MOST = 64, NEED_MOST = 8 };

/* What a request waits for, one after the other: its own asker's yes, their one-time code, then the yes of others. */
enum stage { STAGE_CONFIRM, STAGE_CODE, STAGE_VOTES };

struct approval_row {
	int64_t intent;
	enum stage stage;
	const char *person;             /* who asked: never counts */
	const char *label;
	const char *room, *place;       /* where it was asked; room NULL: in private */
	const char *about;              /* "ci build web target=prod" */
	const char *needs;              /* what was needed when it was asked, as text: when the rules change it is not run */
	struct need { int64_t count; const char *role; } need[NEED_MOST];   /* so many persons with that role */
	size_t need_count;
	bool reaction;                  /* a sign on our message counts as well as the words */
	unsigned char code[APPROVAL_HASH];      /* SHA-256 of what is typed to approve it */
	unsigned char hash[APPROVAL_HASH];      /* of the request, the room, what is needed, how far it is and until when */
	int64_t asked, until;           /* wall ms */
	int64_t within, confirm_within; /* ms that others have for theirs, and who asked */
	int64_t code_age;               /* ms: their one-time code, no older; 0: none is needed */
};

struct vote {
	const char *person, *account, *proof;
	const char *how;                /* "corp", "hq, reaction": where it was said */
	bool yes;
	int64_t meets;                  /* a bit for each of `need` whose role they have */
	int64_t at;
	const char *message;            /* what said it, by its label (message_label()); NULL: the chat gives none */
};

/* So many persons with each role, a line for each. */
const char *approval_need_text(struct arena *, const struct approval_row *);
bool approval_write(struct db *, const struct approval_row *, struct error *);
bool approval_to_stage(struct db *, const struct approval_row *, struct error *);         /* its stage, until and hash */
bool approval_read(struct db *, int64_t intent, struct arena *, struct approval_row *, bool *found, struct error *);
/* By its id (in any case) or by the hash of its code. */
bool approval_find(struct db *, const char *label, const unsigned char code[APPROVAL_HASH], struct arena *, struct approval_row *, bool *found, struct error *);
/* Every one that still waits, oldest first. */
bool approval_each(struct db *, struct arena *, void (*each)(const struct approval_row *, void *), void *with, struct error *);
bool approval_done(struct db *, int64_t intent, struct error *);        /* it waits no more; its votes stay */

/* Counts a vote: *first false where this person has voted already. *met: all that is needed is there now. */
bool vote_write(struct db *, const struct approval_row *, const struct vote *, struct arena *, bool *first, bool *met, struct error *);
bool vote_list(struct db *, int64_t intent, struct arena *, struct vote out[VOTES_MOST], size_t *count, struct error *);
/* To what waits the message said yes; 0: to nothing. Taken out again, by that message. */
bool vote_said_by(struct db *, const char *message, int64_t *intent, struct error *);
bool vote_withdraw(struct db *, int64_t intent, const char *message, struct error *);
/* How many more of each are needed. */
void vote_missing(const struct approval_row *, const struct vote *, size_t count, int64_t missing[NEED_MOST]);

/* In a backup that is put back: nothing waits any more. */
bool approval_restored(struct db *, struct error *);

#endif
