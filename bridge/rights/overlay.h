/* overlay: what is added to the rights of the configuration while we run. All of it is by names, so that it outlives a reload. */
#ifndef SALLYPORT_RIGHTS_OVERLAY_H
#define SALLYPORT_RIGHTS_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"

struct arena;
struct rights;

enum { RIGHTS_FRESH = 24 * 3600 * 1000 };       /* ms for which a paired account may not approve */

struct overlay {
	size_t person_count, account_count, role_count;
	/* Of a directory. Who stands in the configuration is as they stand there; a role that is not configured is none. */
	const struct overlay_person { const char *name; struct list accounts, roles; } *persons;
	/* Paired by people themselves, as they are proven. `settled`: mono ms from when on it may approve. */
	const struct overlay_account { const char *account, *person; int64_t since, settled; } *accounts;
	/* Given for a while. */
	const struct overlay_role { const char *person, *role; int64_t until; } *roles;
};

/* Those rights and what is added to them. What names a person or a role that is not there counts for nothing, and no account changes hands.
 * `base` (as it was compiled) and the overlay stay where they are; the answer goes with the arena. */
const struct rights *rights_lay_over(const struct rights *base, const struct overlay *, struct arena *);

#endif
