/* code: the one-time codes of persons, as rows: who may set theirs up, their secret (sealed), what was spent of it, and wrong tries.
 *
 * An administrator allows somebody to enrol, once, within a day; the secret is told to that person alone, and counts from the first right code on.
 * Each code counts once. After five wrong ones within ten minutes none is looked at for a quarter of an hour, whatever happens in between. */
#ifndef SALLYPORT_WORK_CODE_H
#define SALLYPORT_WORK_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/audit.h"
#include "bridge/rights/totp.h"

struct arena;
struct db;
struct error;
struct seal;
struct tables;

extern const struct tables code_tables;

enum { CODE_TRIES = 5, CODE_WITHIN = 10 * 60 * 1000, CODE_BLOCKED_FOR = 15 * 60 * 1000, CODE_ENROL_WITHIN = 24 * 3600 * 1000 /* ms */ };

/* What people write: six digits, blanks between them or not; in private, where somebody waits for a code, that is one. */
bool code_looks_like(const char *text);
/* The line that is logged, audited and stored in place of what was typed: no digit of a code is in it. `digits` gets those that were there, or "".
 * In private (`direct`) six digits alone are a command too: "code ******". */
char *code_hidden(struct arena *, const char *line, bool direct, char digits[TOTP_DIGITS + 1]);

/* -- On the store's thread. A time is given by both clocks: what is allowed ends by the one that is earlier, what is refused by the later one. -- */

struct code_now { int64_t wall, mono; };       /* clock_wall(), clock_mono() */

enum code_state { CODE_NONE, CODE_ALLOWED, CODE_BEGUN, CODE_ENROLLED };
struct code {
	enum code_state state;
	const char *by;                 /* who allowed it */
	int64_t since;                  /* wall ms: when it was allowed; enrolled: since when */
	int64_t right;                  /* wall ms of the last right one; 0: never */
	int64_t blocked;                /* wall ms until when no code is looked at; 0: they are */
};
bool code_read(struct db *, const char *person, struct code_now, struct arena *, struct code *out, struct error *);

bool code_allow(struct db *, const char *person, const char *by, struct code_now, struct error *);     /* once more where it was not used */
bool code_reset(struct db *, const char *person, struct error *);      /* whatever there was: of a telephone that was lost, of who has left */
/* Of everybody but these (sorted) they go, and each leaves a record. `*gone`: whose, as people read it; "" nobody's. */
bool code_keep_only(struct db *, const char *const *persons, size_t count, struct arena *, const char **gone, struct error *);
/* Makes the secret, which shows what is still to be proven. False with a sentence where it is not allowed, or enrolled already. A second time it is
 * another secret. Audited with who said it, and where. */
bool code_begin(struct db *, const struct seal *, const char *person, struct code_now, const struct audit_entry *said,
	unsigned char secret[TOTP_SECRET], struct arena *, struct error *);

enum code_answer {
	CODE_RIGHT,                     /* and spent, in this transaction */
	CODE_WRONG,                     /* or used before */
	CODE_BLOCKED,                   /* not looked at */
	CODE_NOT_ENROLLED,
	CODE_UNREADABLE,                /* the secret is sealed with another key, or was changed */
};

struct code_try {
	const char *person;
	char digits[TOTP_DIGITS + 1];   /* cleared by code_check() */
	struct code_now now;
	struct audit_entry said;        /* who, where, how proven: of the one record that each try leaves */
	const struct seal *seal;

	enum code_answer answer;        /* the rest is the answer */
	bool proven;                    /* CODE_RIGHT: it was the one that enrols */
	bool used;                      /* CODE_WRONG: it had counted before */
	unsigned left;                  /* CODE_WRONG: tries until they are blocked; 0: they are now */
	int64_t until;                  /* wall ms, where they are blocked */
	const char *why;                /* CODE_UNREADABLE: a sentence */
};

/* False only where the store fails: any answer is written, so commit it. */
bool code_check(struct db *, struct code_try *, struct arena *, struct error *);
/* Whether a code of theirs was right not longer than that ago. */
bool code_fresh(struct db *, const char *person, int64_t not_older_ms, struct code_now, bool *fresh, struct error *);

#endif
