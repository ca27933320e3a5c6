/* fields: any JSON or form as a message: what the configuration names by its path; or else what such bodies usually have. */
#ifndef SALLYPORT_RECEIVERS_FIELDS_H
#define SALLYPORT_RECEIVERS_FIELDS_H

#include <stdbool.h>

#include "bridge/base/conf.h"

struct draft;
struct json_object;

/* A path is "job.name", "builds.0.url", or a JSON pointer: "/job/name". */
struct fields {
	struct list title, text;        /* paths; what they lead to is said in that order */
	struct list facts;              /* "Host=job.host", or a path whose last word is the name */
	const char *url, *id, *state, *severity;        /* paths; NULL: none */
};

/* False where it says nothing. */
bool fields_message(struct draft *, struct json_object *body, const struct fields *);
/* What stands at a path, as text; NULL where there is nothing, or a list. */
const char *fields_at(struct json_object *body, const char *path);

/* The state as a word of ours where it is one that is known (failed, passed, resolved ...); NULL: it is not, and stands among the facts. */
const char *fields_state(struct json_object *body, const struct fields *);

#endif
