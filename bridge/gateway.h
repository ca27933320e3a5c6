/* gateway: the options that stand in no section. */
#ifndef SALLYPORT_GATEWAY_H
#define SALLYPORT_GATEWAY_H

#include <stdint.h>

#include "bridge/base/conf.h"

struct gateway {                        /* filled by gateway_shape */
	const char *name, *prefix, *timezone, *state, *log;
	int64_t lines;
	struct list strangers, admins;
};

extern const struct shape gateway_shape;
void gateway_check(struct conf *, const struct gateway *);
void gateway_open_log(const struct gateway *);  /* the log speaks as it is wanted */

#endif
