/* range: ranges of network addresses: 10.2.0.0/16, 2001:db8::/32, or one address alone. */
#ifndef SALLYPORT_BASE_RANGE_H
#define SALLYPORT_BASE_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

/* An address of IPv4 is that of IPv6 which carries it, ::ffff:10.2.0.1, so both are one and the same. */
enum { RANGE_ADDRESS = 16 };

struct range {
	unsigned char address[RANGE_ADDRESS];
	unsigned bits;                  /* how many of them count, of 128 */
};

struct ranges {
	size_t count;
	const struct range *each;
};

bool range_address(const char *written, size_t length, unsigned char out[RANGE_ADDRESS]);       /* false: it is no address in numbers */
bool range_read(const char *written, struct range *);           /* false also where bits are set beyond those that count: 10.2.0.1/16 */
bool ranges_hold(const struct ranges *, const unsigned char address[RANGE_ADDRESS]);
/* What an option lists; a mistake at each entry that is none. */
struct ranges ranges_of(struct conf *, const struct section *, const char *option, const struct list *);

#endif
