/* Which addresses are never connected to: a name that somebody else answers for must not lead to them. */
#include "bridge/run/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

struct range {
	unsigned char start[16];
	unsigned bits;
	size_t inside;                  /* where the IPv4 address begins that it carries */
};

static const struct range ip4[] = {
	{ { 0 },                          8, 0 },       /* "this network": Linux takes 0.0.0.0 for itself */
	{ { 169, 254 },                  16, 0 },       /* link-local: the clouds' metadata */
	{ { 224 },                        4, 0 },       /* multicast */
	{ { 255, 255, 255, 255 },        32, 0 },
	{ { 0 },                          0, 0 },
};

static const struct range ip6[] = {
	{ { 0 },                        128, 0 },       /* :: */
	{ { 0xfe, 0x80 },                10, 0 },       /* link-local */
	{ { 0xfe, 0xc0 },                10, 0 },       /* what was called site-local */
	{ { 0xff },                       8, 0 },       /* multicast */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, 0 },      /* the metadata of AWS */
	{ { 0 },                          0, 0 },
};

static const struct range carriers[] = {
	{ { 0 },                         96, 12 },      /* IPv4-compatible */
	{ { [10] = 0xff, 0xff },         96, 12 },      /* IPv4-mapped */
	{ { 0x00, 0x64, 0xff, 0x9b },    96, 12 },      /* NAT64 */
	{ { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, 12 },   /* NAT64, local */
	{ { 0x20, 0x02 },                16, 2 },       /* 6to4 */
	{ { 0 },                          0, 0 },
};

static bool
within(const unsigned char *address, const struct range *range)
{
	size_t whole = range->bits / 8;
	unsigned rest = range->bits % 8;
	if (memcmp(address, range->start, whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ range->start[whole]) >> (8 - rest) == 0;
}

static const struct range *
find(const struct range *ranges, const unsigned char *address)
{
	for (; ranges->bits > 0; ranges++)
		if (within(address, ranges))
			return ranges;
	return NULL;
}

static bool
barred6(const unsigned char *address)
{
	static const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;      /* it looks like an IPv4-compatible one */
	if (memcmp(address, &loopback, sizeof loopback) == 0)
		return false;
	if (find(ip6, address))
		return true;
	const struct range *carrier = find(carriers, address);
	return carrier && find(ip4, address + carrier->inside);
}

/* host is 10.0.0.7, ::1 or [::1]; a name is none of them. */
static bool
is_written(int family, const void *address, size_t size, const char *host)
{
	char text[INET6_ADDRSTRLEN + 2] = "";
	unsigned char written[16];
	size_t length = strlen(host);
	if (length >= sizeof text)
		return false;
	if (host[0] == '[' && host[length - 1] == ']')
		memcpy(text, host + 1, length - 2);
	else
		memcpy(text, host, length);
	return inet_pton(family, text, written) == 1 && memcmp(written, address, size) == 0;
}

bool
address_barred(const struct sockaddr *address, socklen_t length, const char *host)
{
	if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in four;
		memcpy(&four, address, sizeof four);
		const void *bytes = &four.sin_addr;
		return find(ip4, bytes) && !is_written(AF_INET, bytes, 4, host);
	}
	if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 six;
		memcpy(&six, address, sizeof six);
		return barred6(six.sin6_addr.s6_addr) && !is_written(AF_INET6, &six.sin6_addr, 16, host);
	}
	return true;
}
