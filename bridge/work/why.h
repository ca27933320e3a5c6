/* why: which rule decides a command, or what is missing: asked in the chat, and by an operator. */
#ifndef SALLYPORT_WORK_WHY_H
#define SALLYPORT_WORK_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/role.h"

struct arena;
struct error;
struct freezes;
struct guards;
struct instance;
struct locks;
struct request;
struct room;

/* Who would ask, where. */
struct why_asked {
	const struct rights *rights;
	const struct guards *guards;                    /* NULL: nobody's yes is ever needed */
	const struct freezes *freezes;                  /* NULL: none is looked at */
	const struct locks *locks;                      /* NULL: no gateway runs here, so nobody knows */
	const struct instance *const *instances;        /* ended by NULL */
	const struct room *room;                        /* NULL: in private */
	const char *account;                            /* NULL: not proven */
	int64_t wall;                                   /* when */
};

struct why {
	const char *command;            /* "ci build", "pause" */
	const char *missing;            /* the roles that would allow it; "" for none */
	const char *clear;              /* "needs 1 other deployer within 30 min; no lock; no freeze until Fri 16:00 (in 4 days)", or what holds; NULL: nothing ever does */
	struct decision decision;
};

/* The same decision as for the command itself, made without it: nothing is asked of a service, so defaults that only it knows are not
 * looked at. Where several services offer the verb, one where it is allowed. False with a sentence for words that are no command. */
bool why_find(struct arena *, const struct why_asked *, const char *line, struct why *, struct error *);

bool why_run(struct request *);         /* !why COMMAND */

#endif
