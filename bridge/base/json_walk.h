/* json_walk: the outer levels of a big document, walked without building it. What matters inside is then read by json_read(), so that
 * one bad part of it (too deep, with a NUL) spoils nothing else. */
#ifndef SALLYPORT_BASE_JSON_WALK_H
#define SALLYPORT_BASE_JSON_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* A value as it stands in the document, from which it is borrowed. at NULL: there is none. */
struct json_part {
	const char *at;
	size_t length;
};

struct json_part json_part_of(const char *, size_t length);    /* the document's one value; none where it is broken at its outside */

/* Members of an object, or elements of an array (whose key is none). */
struct json_walk {
	const char *at, *end;
	bool object, first;
	bool broken;                    /* it ended early */
};
struct json_walk json_walk(struct json_part);           /* of anything else: nothing */
bool json_walk_next(struct json_walk *, struct json_part *key, struct json_part *value);

/* The member with that key; the key must be written plainly. */
struct json_part json_part_key(struct json_part object, const char *key);
/* A string as text; NULL where it is none, or none that json_read() would take. */
const char *json_part_text(struct arena *, struct json_part);
bool json_part_is(struct json_part, const char *written);       /* true, false, null, a number: as it is written */

#endif
