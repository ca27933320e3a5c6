/* anchor: the audit is signed, once a minute at least, and its checkpoints are told where whoever can write the state cannot take them back. */
#ifndef SALLYPORT_ANCHOR_H
#define SALLYPORT_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/base/conf.h"

struct anchor;
struct bridge;
struct error;
struct rooms;
struct secret;

struct anchor_settings {                /* filled by anchor_shape */
	struct where where;
	const char *file, *room;        /* NULL: none */
	int64_t room_every;
	const struct secret *key, *old_key;     /* NULL: the key of the state; none */
	bool syslog;
};
extern const struct shape anchor_shape;
void anchor_settings_check(struct conf *, const struct section *, const struct anchor_settings *, const struct rooms *);

/* Reads the key, or makes one, and has the store sign from now on. NULL with a sentence. */
struct anchor *anchor_open(struct bridge *, struct error *);
void anchor_begin(struct anchor *);     /* from the loop: signs what is there, and goes on */
void anchor_end(struct anchor *);       /* signs the last; the store is closed after it, and only then this */
void anchor_close(struct anchor *);     /* NULL is fine */

#endif
