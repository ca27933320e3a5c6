/* elevate: which roles may be taken for a while, and what that needs: a one-time code, and a second person or a review afterwards. */
#ifndef SALLYPORT_RIGHTS_ELEVATE_H
#define SALLYPORT_RIGHTS_ELEVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"

struct rights;

struct elevate {                        /* filled by elevate_shape */
	const char *role;               /* the title */
	struct where where;
	const char *by, *review;        /* roles; NULL: none */
	int64_t count, within, code, longest;   /* persons, and ms */
	bool reaction;
};

extern const struct shape elevate_shape;

#define ELEVATE_VERB "elevate"
#define ELEVATE_ROLE "ROLE"             /* its parameter, and so what rules write: "gateway.elevate role=sre" */

struct elevates { size_t count; const struct elevate *const *each; };

/* Mistakes go to conf. `approvals` gets one more for each: what they need is held up and asked for as any other approval. */
struct elevates elevates_compile(struct conf *, const struct sections *, const struct rights *, struct sections *approvals);
const struct elevate *elevates_find(const struct elevates *, const char *role);        /* NULL: it may not be taken */

#endif
