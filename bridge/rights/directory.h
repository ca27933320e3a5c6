/* directory: people that another program or file names, so that LDAP and its like stay outside:
 *
 *     { "persons": [ { "name": "dana", "accounts": [ "corp/dana" ], "roles": [ "developer" ] } ] }
 *
 * Who stands in the configuration is as they stand there. Who is in neither any more has left. */
#ifndef SALLYPORT_RIGHTS_DIRECTORY_H
#define SALLYPORT_RIGHTS_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"

struct arena;
struct error;
struct overlay_person;

struct directory_settings {             /* filled by directory_shape */
	struct where where;
	const char *file;               /* NULL: the program alone */
	struct list run;                /* argv, without a shell; it gets the file, if there is one; none: the file is it */
	int64_t every, timeout, stale;  /* ms */
};

extern const struct shape directory_shape;
void directory_settings_check(struct conf *, const struct section *, const struct directory_settings *);

enum { DIRECTORY_SIZE = 8 << 20, DIRECTORY_PERSONS = 5000, DIRECTORY_WORDS = 32 };      /* bytes; people; accounts or roles of one */

struct directory_people {
	size_t count;
	const struct overlay_person *each;      /* by name, sorted */
};

/* Goes with the arena. False with a sentence: all of it is refused. Whether its links and roles are configured is not looked at. */
bool directory_read(struct arena *, const char *json, size_t length, struct directory_people *out, struct error *);
bool directory_has(const struct directory_people *, const char *name);
/* Whether so many are gone at once that the directory may be broken rather than they have left: more than half, of more than three. */
bool directory_shrunk(const struct directory_people *before, const struct directory_people *after);

#endif
