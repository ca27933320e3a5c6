/* guard: what a command that is allowed still needs: that who asked means it, and that others approve. */
#ifndef SALLYPORT_RIGHTS_GUARD_H
#define SALLYPORT_RIGHTS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/rule.h"

struct arena;
struct person;
struct rights;

struct approval {                       /* filled by approval_shape */
	const char *name;
	struct where where;
	struct list commands;           /* "for": as rules are written */
	const char *by;                 /* the role whose people approve */
	int64_t count;                  /* persons, never the one who asks; 0 where `by` is "": a code alone is needed (rights/elevate.h) */
	int64_t within;                 /* ms */
	bool reaction;                  /* a thumb on our message counts */
	int64_t code;                   /* ms: the asker's one-time code, no older; 0: none is needed */

	struct rules rules;             /* what the setup made of `commands` */
	const char *of;                 /* what its mistakes call it; NULL: approval "NAME" */
};

struct confirm {                        /* filled by confirm_shape */
	struct where where;
	struct list commands;
	int64_t within;                 /* ms */

	struct rules rules;
};

extern const struct shape approval_shape, confirm_shape;

struct guards;

/* Compiles, after the roles: that nobody could approve is a mistake. Goes with conf's arena. */
const struct guards *guards_compile(struct conf *, const struct sections *approvals, const struct sections *confirms, const struct rights *,
	const struct rights_world *);

/* What one command needs; all zero: nothing. */
enum { NEEDS_MOST = 8 };
struct needs {
	int64_t confirm;                /* ms within which who asked says yes; 0: they need not */
	int64_t code;                   /* ms: their one-time code, no older; 0: none */
	int64_t within;                 /* ms for all approvals: the shortest */
	bool reaction;                  /* every approval lets a thumb count */
	size_t count;
	const struct approval *approvals[NEEDS_MOST];   /* each of them */
	bool crowded;                   /* there are more than that: nobody can be asked for all */
	size_t frozen;                  /* the last of them are needed because of a freeze: so many */
};
void guards_needs(const struct guards *, const struct ask *, struct needs *out);
void needs_add(struct needs *, const struct approval *);        /* because of a freeze; what is needed anyway is needed once */
bool needs_any(const struct needs *);
bool guards_any(const struct guards *);                 /* whether anything ever waits for a yes; NULL: never */
/* Whether that verb, with any arguments, may need others' yes: for help. */
bool guards_may_need_others(const struct guards *, const struct ask *);
/* "needs your yes, then 1 other deployer within 30 min"; "" where nothing is needed. */
char *needs_text(struct arena *, const struct needs *);
/* All that makes these needs what they are: where it differs, other rules are in force. */
char *needs_policy(struct arena *, const struct needs *);
/* Whether that policy is still the one. What a freeze needed then may be needed no more; what one needs now must have been needed then. */
enum policy { POLICY_SAME, POLICY_OTHER, POLICY_FROZEN };
enum policy needs_still(struct arena *, const struct needs *now, const char *then);

#endif
