/* role: who may do what: persons, roles and rules. Deny by default, decided in one place, before any handler. */
#ifndef SALLYPORT_RIGHTS_ROLE_H
#define SALLYPORT_RIGHTS_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/rule.h"

struct arena;

struct person {                         /* filled by person_shape */
	const char *name;
	struct where where;
	struct list accounts;           /* corp/alice, hq/@alice:corp.example, console/ana, console/@owner */
	struct list roles;

	/* Of an overlay. */
	size_t elevated;                /* the last of the roles are for a while: so many */
	const int64_t *until;           /* of each of those, wall ms */
};

struct role {                           /* filled by role_shape */
	const char *name;
	struct where where;
	struct list like;               /* takes over the rules of these roles, in their own rooms too */
	struct list look;               /* services whose every looking verb is allowed: patterns with * */
	struct list may;                /* "SERVICE.VERB KEY=PATTERN KEY!=PATTERN" */
	struct list in;                 /* rooms; none: every room */
};

extern const struct shape person_shape, role_shape;

struct rights;          /* the compiled rules of one configuration */

/* Compiles; mistakes go to conf. `owner` is the name of the user the gateway runs as: console/@owner. Goes with conf's arena. */
const struct rights *rights_compile(struct conf *, const struct sections *persons, const struct sections *roles,
	const struct list *strangers, const struct list *admins, const char *owner, const struct rights_world *);

const struct person *rights_person(const struct rights *, const char *account);        /* NULL: nobody */
const struct person *rights_person_named(const struct rights *, const char *name);     /* NULL: nobody */
const struct person *rights_next_person(const struct rights *, const struct person *after);   /* NULL begins and ends */
/* Whether somebody has a role: theirs, or one that theirs are like. */
bool rights_has_role(const struct rights *, const struct person *, const char *role);
/* The same, and not for a while: what lets somebody say yes to others. */
bool rights_has_role_for_good(const struct rights *, const struct person *, const char *role);
bool rights_is_role(const struct rights *, const char *role);
const char *rights_nearest_role(const struct rights *, struct arena *, const char *role);      /* "; did you mean deployer?", or "." */
const char *rights_account(const struct rights *, const struct person *);      /* one of theirs, as it is proven; NULL: they have none */
/* As its link proves it: in lower case, where that does. NULL: it is not LINK/ACCOUNT, or no link is called so. */
const char *rights_proven_form(const struct rights *, struct arena *, const char *account);
bool rights_configured(const struct rights *, const char *account);    /* it stands in the configuration */
/* Of an account that was paired less than a day ago: when (wall ms) it may approve; 0: it may. By the clock that is later. */
int64_t rights_account_fresh(const struct rights *, const char *account, int64_t wall, int64_t mono);

struct decision {
	bool allowed;
	const struct person *person;    /* NULL: a stranger */
	char rule[96];                  /* "developer (sallyport.conf:46)", "strangers" */
	char why[400];                  /* where refused: a sentence without a capital: "deploy in ops needs the role deployer; you are ..." */
	bool condition;                 /* a rule allows the verb, but not with these arguments */
};

/* Pure. In private a rule with `in` counts where the room is one that the person's question came from: so it does not count.
 * A verb of ours that is in `strangers` is allowed to everybody. Our other verbs that only look are allowed to every person. */
void rights_decide(const struct rights *, const struct ask *, struct decision *out);
/* Whether there are any arguments with which the person may do this there: for help and did-you-mean. */
bool rights_could(const struct rights *, const struct ask *);
/* "deployer" or "deployer or sre": the roles that would allow it; "" for none. */
char *rights_missing(const struct rights *, const struct ask *, struct arena *);
const struct list *rights_admins(const struct rights *);

#endif
