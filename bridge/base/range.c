/* range: ranges of network addresses. */
#include "bridge/base/range.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"

enum { BITS_MOST = 8 * RANGE_ADDRESS, BITS_BEFORE_IPV4 = BITS_MOST - 32, WRITTEN = 64 };

static const unsigned char carries_ipv4[12] = { [10] = 0xff, [11] = 0xff };

bool
range_address(const char *written, size_t length, unsigned char out[RANGE_ADDRESS])
{
	char text[WRITTEN];

	if (length >= sizeof text || memchr(written, '\0', length))
		return false;
	memcpy(text, written, length);
	text[length] = '\0';
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	memcpy(out, carries_ipv4, sizeof carries_ipv4);
	return inet_pton(AF_INET, text, out + sizeof carries_ipv4) == 1;
}

/* Whether all that does not count is zero. */
static bool
is_neat(const struct range *range)
{
	for (unsigned bit = range->bits; bit < BITS_MOST; bit++)
		if (range->address[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

bool
range_read(const char *written, struct range *out)
{
	size_t length = strcspn(written, "/");
	const char *digits = written + length + 1;
	bool ipv4 = !memchr(written, ':', length);

	out->bits = BITS_MOST;
	if (!range_address(written, length, out->address))
		return false;
	if (!written[length])
		return true;
	if (!*digits || strlen(digits) > 3 || strspn(digits, "0123456789") != strlen(digits))
		return false;
	out->bits = (unsigned)strtoul(digits, NULL, 10) + (ipv4 ? BITS_BEFORE_IPV4 : 0);
	return out->bits <= BITS_MOST && is_neat(out);
}

static bool
holds(const struct range *range, const unsigned char *address)
{
	unsigned whole = range->bits / 8, rest = range->bits % 8;

	if (memcmp(range->address, address, whole))
		return false;
	return !rest || !((range->address[whole] ^ address[whole]) & (0xff << (8 - rest) & 0xff));
}

bool
ranges_hold(const struct ranges *ranges, const unsigned char address[RANGE_ADDRESS])
{
	for (size_t i = 0; i < ranges->count; i++)
		if (holds(&ranges->each[i], address))
			return true;
	return false;
}

struct ranges
ranges_of(struct conf *conf, const struct section *at, const char *option, const struct list *list)
{
	struct range *each = arena_take(conf_arena(conf), (list->count + 1) * sizeof *each);
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		if (range_read(list->each[i], &each[count]))
			count++;
		else
			conf_mistake(conf, list->where[i], at, "%s: %s is no address or range of them, as in 10.2.0.0/16 or 2001:db8::/32.", option, list->each[i]);
	return (struct ranges){ count, each };
}
