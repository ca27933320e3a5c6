/* role_private: the rules as they are compiled: for role.c, which makes them and decides by them, and overlay.c. */
#ifndef SALLYPORT_RIGHTS_ROLE_PRIVATE_H
#define SALLYPORT_RIGHTS_ROLE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/role.h"

/* A rule and the role in which it is written. */
struct role_rule {
	struct rule rule;
	const struct role *role;
};

/* Rules in their order, each once; and sorted by verb, so that few are looked at: those that mean more than their verb come first. */
struct rule_set {
	size_t count, patterns;
	const struct role_rule **each;
	struct by_verb {
		const struct role_rule *rule;
		size_t order;
	} *sorted;
};

/* A role with all its rules, those of `like` too. */
struct compiled {
	const struct role *role;
	size_t own_count;
	const struct role_rule *own;
	struct rule_set rules;
	enum { UNTOUCHED, OPEN, READY } state;
};

struct holder {
	const struct person *person;
	struct rule_set rules;
};

struct slot {
	const char *account;
	const struct holder *holder;
	int line;               /* where it is written; 0: it was laid over */
	int64_t since, settled; /* of a paired one: wall ms; mono ms until when it is fresh */
};

struct rights {
	size_t role_count, person_count, slot_count;    /* slots: a power of two, more than half of them free */
	struct compiled *roles;
	struct holder *persons;
	struct slot *slots;
	const struct list *strangers, *admins;
	const char *owner;
	struct rights_world world;
};

const struct compiled *role_find(const struct rights *, const char *name);
struct slot *role_slot(const struct rights *, const char *account);    /* where it is, or would be */
void role_slots(struct rights *, struct arena *, size_t accounts);     /* room for so many */
void role_merge(struct rule_set *into, const struct rule_set *more);  /* those that are not there yet; there is room */
void role_sort(struct arena *, struct rule_set *);

#endif
