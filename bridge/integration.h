/* integration: what a service file exports: its settings, the kinds it serves, its own verbs. Adding a service is one such file. */
#ifndef SALLYPORT_INTEGRATION_H
#define SALLYPORT_INTEGRATION_H

#include <stddef.h>

#include "bridge/base/conf.h"
#include "bridge/work/command.h"
#include "bridge/work/webhook.h"

struct alerts;
struct ci;

struct integration {
	const char *name;               /* the section's kind: buildbot "main" { } */
	const char *about;              /* one sentence */
	size_t conf_size;               /* of the struct that `settings` fills */
	const struct setting *settings; /* ended by {0} */
	/* Optional: what the settings cannot say one by one; mistakes go to conf_mistake(). Called once after conf_fill(). */
	void (*check)(struct conf *, const struct section *, void *conf);
	const char *(*url)(const void *conf);           /* for `status`; NULL: it has none */

	const struct alerts *alerts;    /* NULL where it is not */
	const struct ci *ci;
	const struct command *commands; /* verbs of its own, beyond its kinds'; NULL: none */
	const struct webhook *webhook;  /* what its service sends us; NULL: nothing */
};

extern const struct integration *const integrations[];         /* ended by NULL; made by make from the list in Makefile.am */

#endif
