/* talk: what a conversation needs of the running gateway. Filled by bridge.c; what it points to changes when the configuration is read anew. */
#ifndef SALLYPORT_TALK_TALK_H
#define SALLYPORT_TALK_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alias;
struct approvals;
struct arena;
struct card;
struct circles;
struct comings;
struct directory;
struct directory_settings;
struct elevates;
struct elevations;
struct engine;
struct follows;
struct freezes;
struct guards;
struct instance;
struct lock_settings;
struct locks;
struct manners;
struct mores;
struct outbox;
struct pair_codes;
struct pairs;
struct pause;
struct people;
struct place;
struct rights;
struct rooms;
struct seal;
struct snapshot;
struct task;

struct talk {
	const struct engine *engine;
	const struct rights *rights;
	const struct guards *guards;    /* NULL: nothing that is allowed needs anything more */
	const struct freezes *freezes;
	const struct rooms *rooms;
	struct outbox *outbox;
	struct follows *follows;
	struct manners *manners;
	struct mores *mores;
	struct pause *pause;
	struct people *people;          /* keeps `rights` and `snapshot`: what is added while we run is laid over those of the configuration */
	struct pairs *pairs;
	struct pair_codes *pair_codes;
	struct directory *directory;
	const struct directory_settings *directory_settings;    /* NULL: there is none */
	struct elevations *elevations;
	const struct elevates *elevates;
	struct approvals *approvals;
	const struct seal *seal;        /* what is kept encrypted is read with it */
	struct locks *locks;
	const struct lock_settings *lock_limits;        /* NULL: none was written */
	struct circles *circles;
	struct comings *comings;        /* NULL: nobody asks who comes and goes */
	struct card *(*gateway)(struct arena *, void *with);    /* how the gateway is; `with` is given to it */
	/* Whether that account is in that place no more, as far as its chat can tell. It may wait. NULL: nobody can tell. */
	bool (*gone)(struct task *, const struct place *, const char *account, void *with);
	void *with;
	const struct instance *const *instances;        /* ended by NULL */
	const struct alias *const *aliases;             /* ended by NULL */
	const char *name;               /* sally */
	const char *prefix;             /* ! */
	size_t lines;                   /* of one answer */
	const char *hooks_url;          /* how we are reached over HTTP; NULL: nothing listens, so there are no links of ours */
	struct snapshot *snapshot;      /* of the configuration that all this is part of; NULL: it is never replaced */
};

/* From here to the end of the task what it finds through `talk` (a room, a person, a service and its settings) stays where it is. */
void talk_hold(struct task *, const struct talk *);

/* One reading of the configuration: let_go(what) is called once, when it was replaced and nobody holds it any more. */
struct snapshot *snapshot_new(void (*let_go)(void *what), void *what);
void snapshot_hold(struct snapshot *);
void snapshot_release(struct snapshot *);
void snapshot_replaced(struct snapshot *);      /* the caller does not use it any more either */

#endif
