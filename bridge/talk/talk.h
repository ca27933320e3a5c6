/* talk: what a conversation needs of the running gateway. Filled by bridge.c; one snapshot a configuration. */
#ifndef SALLYPORT_TALK_TALK_H
#define SALLYPORT_TALK_TALK_H

#include <stddef.h>
#include <stdint.h>

struct alias;
struct engine;
struct follows;
struct instance;
struct manners;
struct outbox;
struct rights;
struct rooms;

struct talk {
	const struct engine *engine;
	const struct rights *rights;
	const struct rooms *rooms;
	struct outbox *outbox;
	struct follows *follows;
	struct manners *manners;
	const struct instance *const *instances;        /* ended by NULL */
	const struct alias *const *aliases;             /* ended by NULL */
	const char *name;               /* sally */
	const char *prefix;             /* ! */
	size_t lines;                   /* of one answer */
};

#endif
