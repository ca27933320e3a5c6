/* url: addresses put together part by part, by one encoder. */
#include "bridge/base/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

/* RFC 3986, section 2.3: all others are encoded. */
static bool
is_unreserved(unsigned char c)
{
	return isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static char *
encode(struct arena *arena, const char *text)
{
	struct text out = text_in(arena, 3 * strlen(text) + 1);

	for (; *text; text++)
		if (is_unreserved((unsigned char)*text))
			text_add_bytes(&out, text, 1);
		else {
			char hex[4];
			snprintf(hex, sizeof hex, "%%%02X", (unsigned char)*text);
			text_add(&out, hex);
		}
	return out.bytes;
}

char *
url_part(struct arena *arena, const char *part)
{
	if (!*part || !strcmp(part, ".") || !strcmp(part, ".."))
		return NULL;
	for (const char *at = part; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return NULL;
	return encode(arena, part);
}

char *
url_make(struct arena *arena, const char *base, ...)
{
	struct text url = text_in(arena, 16 * 1024);
	const char *part;
	bool fine = true;
	va_list parts;

	text_add(&url, base);
	while (url.length && url.bytes[url.length - 1] == '/')
		url.bytes[--url.length] = '\0';
	va_start(parts, base);
	while (fine && (part = va_arg(parts, const char *))) {
		char *encoded = url_part(arena, part);
		fine = encoded != NULL;
		text_add(&url, "/");
		text_add(&url, encoded);
	}
	va_end(parts);
	return fine && !url.cut ? url.bytes : NULL;
}

char *
url_query(struct arena *arena, const char *url, const char *name, const char *value)
{
	return arena_printf(arena, "%s%c%s=%s", url, strchr(url, '?') ? '&' : '?', encode(arena, name), encode(arena, value));
}

char *
url_form(struct arena *arena, const char *const *pairs)
{
	struct text form = text_in(arena, 1024 * 1024);

	for (size_t i = 0; pairs[i] && pairs[i + 1]; i += 2)
		text_printf(&form, "%s%s=%s", i ? "&" : "", encode(arena, pairs[i]), encode(arena, pairs[i + 1]));
	return form.cut ? NULL : form.bytes;
}

/* Cuts the port off its host: "ci.example:8080", "[::1]:8080". What has no port keeps the one it came with. */
static bool
split_port(char *host, unsigned long *port)
{
	char *colon = host + strcspn(host, *host == '[' ? "]" : ":"), *end;

	if (*colon == ']')
		colon++;
	if (!*colon)
		return true;
	if (*colon != ':' || !isdigit((unsigned char)colon[1]))
		return false;
	*port = strtoul(colon + 1, &end, 10);
	*colon = '\0';
	return !*end && *port > 0 && *port <= 65535;
}

/* An IPv6 address in brackets, else anything that holds no sign with a meaning of its own. */
static bool
is_host(struct arena *arena, const char *host)
{
	size_t length = strlen(host);
	struct in6_addr address;

	if (*host == '[')
		return length > 2 && host[length - 1] == ']' && inet_pton(AF_INET6, arena_slice(arena, host + 1, length - 2), &address) == 1;
	for (const char *at = host; *at; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f || strchr("@\\\"<>%[]", *at))
			return false;
	return length > 0;
}

/* scheme, host and port of an http or https address. False for anything that two readers could read in two ways. */
static bool
take_apart(struct arena *arena, const char *url, const char **scheme, char **host, unsigned long *port)
{
	bool safe = !strncasecmp(url, "https://", 8);

	if (!safe && strncasecmp(url, "http://", 7) != 0)
		return false;
	const char *authority = url + (safe ? 8 : 7);
	*host = arena_slice(arena, authority, strcspn(authority, "/?#"));
	for (char *at = *host; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	*scheme = safe ? "https" : "http";
	*port = safe ? 443 : 80;
	return split_port(*host, port) && is_host(arena, *host);
}

char *
url_origin(struct arena *arena, const char *url)
{
	const char *scheme;
	char *host;
	unsigned long port;

	if (!url || !take_apart(arena, url, &scheme, &host, &port))
		return NULL;
	return arena_printf(arena, "%s://%s:%lu", scheme, host, port);
}

bool
url_same_origin(const char *a, const char *b)
{
	struct arena *arena = arena_new();
	const char *one = url_origin(arena, a), *other = url_origin(arena, b);
	bool same = one && other && !strcmp(one, other);

	arena_free(arena);
	return same;
}

static bool
is_loopback_address(struct arena *arena, const char *host)
{
	struct in_addr four;
	struct in6_addr six;

	if (*host == '[')
		return inet_pton(AF_INET6, arena_slice(arena, host + 1, strlen(host) - 2), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
	return inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

bool
url_loopback(const char *url)
{
	struct arena *arena = arena_new();
	const char *scheme;
	char *host;
	unsigned long port;
	bool loopback = false;

	if (url && take_apart(arena, url, &scheme, &host, &port))
		loopback = !strcmp(host, "localhost") || is_loopback_address(arena, host);
	arena_free(arena);
	return loopback;
}
