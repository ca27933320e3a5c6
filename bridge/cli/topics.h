/* topics: what the manual can tell of: every kind of section with its options, and every verb, read off the tables that the program itself uses. */
#ifndef SALLYPORT_CLI_TOPICS_H
#define SALLYPORT_CLI_TOPICS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

struct arena;
struct command;

enum topic_group { TOPIC_GATEWAY, TOPIC_LINK, TOPIC_PEOPLE, TOPIC_SERVICE, TOPIC_GROUPS };

/* One kind of section. */
struct section_topic {
	enum topic_group group;
	const char *path;               /* "irc", "runner.job"; "gateway" is what stands in no section */
	const char *name;               /* the last of its path */
	const char *written;            /* runner "NAME" { job "NAME" { ... } } */
	const char *about;
	const struct setting *settings; /* ended by {0} */
	unsigned depth;                 /* 0 for those at the top of a file */
};

struct verb_topic {
	const char *kind;               /* "gateway", "ci" */
	const char *services;           /* the integrations that have it, "buildbot, runner"; "" for our own */
	const struct command *command;
};

struct topics {
	struct section_topic *sections; /* an inner one stands behind the one that holds it */
	size_t section_count;
	struct verb_topic *verbs;
	size_t verb_count;
};

const struct topics *topics_read(struct arena *);

const char *topic_option(struct arena *, const struct setting *);        /* as it is written (token_file for token); NULL: none is */
const char *topic_type(const struct setting *);                          /* "number" */
/* "required", "default 6697", or "no default" */
const char *topic_default(struct arena *, const struct setting *);
/* Every name that the manual answers to: irc, irc.port, port, build; each once, sorted, ended by NULL. */
const char *const *topics_names(struct arena *, const struct topics *);

#endif
