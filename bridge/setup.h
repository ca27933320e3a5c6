/* setup: what a configuration file means: the gateway, its links, rooms, persons, roles and services, checked against each other. */
#ifndef SALLYPORT_SETUP_H
#define SALLYPORT_SETUP_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/gateway.h"
#include "bridge/rights/seal.h"
#include "bridge/talk/room.h"

struct alias;
struct anchor_settings;
struct arena;
struct command_set;
struct directory_settings;
struct elevates;
struct freezes;
struct guards;
struct hook_settings;
struct instance;
struct integration;
struct lock_settings;
struct protocol;
struct rights;

struct link_setup {
	const char *name;
	const struct protocol *protocol;
	const void *conf;
	struct conf *in;                /* where it is written */
	const struct section *section;
	struct where where;
	const char *const *channels;    /* the rooms' places on it, ended by NULL */
};

struct setup {
	struct conf *conf;
	struct conf *defaults;          /* what stands for sections that were not written */
	const char *path;
	int64_t read;                   /* wall ms */
	struct gateway gateway;
	const struct hook_settings *hooks;      /* NULL: nothing listens */
	const struct anchor_settings *audit;
	struct seal_settings secrets;
	struct rooms rooms;
	size_t persons, roles;
	struct link_setup *links;
	size_t link_count;
	const struct instance **instances;      /* ended by NULL */
	size_t instance_count;
	const struct alias **aliases;           /* ended by NULL */
	const struct rights *rights;
	const struct guards *guards;
	const struct directory_settings *directory;     /* NULL: there is none */
	const struct elevates *elevates;
	struct freezes *freezes;
	const struct lock_settings *lock_limits;        /* NULL: none was written */
};

/* Reads and checks. Never NULL: look at conf_mistakes(setup->conf). Free with setup_free(). */
struct setup *setup_read(const char *path);
void setup_free(struct setup *);
const struct link_setup *setup_link(const struct setup *, const char *name);   /* NULL: none */
const struct instance *setup_instance(const struct setup *, const char *name);

const struct section *setup_section_of(struct setup *, const struct instance *);        /* where it was written; NULL: nowhere */
/* The verbs of an integration, its kinds' and its own, ended by {0}. */
const struct command_set *setup_sets(struct arena *, const struct integration *);

#endif
