/* room: the logical rooms of the configuration: their places, and which services they offer. */
#ifndef SALLYPORT_TALK_ROOM_H
#define SALLYPORT_TALK_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/talk/message.h"

struct arena;

struct room {                           /* filled by room_shape */
	const char *name;
	struct where where;
	struct list places;             /* as written: corp/#ops */
	struct list services;           /* names of instances */
	bool operators;                 /* hears of the gateway's own troubles */
	const char *quiet;              /* "22:00 - 07:00"; NULL: never */
	bool relay;                     /* its places are one conversation: what is said in one is told in the others */
	bool joins;                     /* who comes and goes is told there too */

	struct place *place;            /* what the setup made of `places` */
	size_t place_count;
};

extern const struct shape room_shape;

struct rooms {
	size_t count;
	struct room **each;
};

/* The room that has this place, or NULL. Channels of IRC compare without case. */
const struct room *room_of(const struct rooms *, const struct place *);
const struct room *room_named(const struct rooms *, const char *name);
bool room_offers(const struct room *, const char *instance);
/* Whether only what is critical is told there at `at`, and since when and until when. */
bool room_quiet(const struct room *, int64_t at, int64_t *since, int64_t *until);
bool room_has_place(const struct room *, const struct place *);

#endif
