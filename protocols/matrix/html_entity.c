/* html_entity: the characters that HTML writes as &name; or &#number;. */
#include "protocols/matrix/html_entity.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

enum { ENTITY_MOST = 12 };

static const struct { const char *name, *text; } entities[] = {
	{ "amp", "&" }, { "apos", "'" }, { "bull", "\u2022" }, { "cent", "\u00a2" }, { "copy", "\u00a9" }, { "deg", "\u00b0" }, { "euro", "\u20ac" },
	{ "gt", ">" }, { "hellip", "\u2026" }, { "laquo", "\u00ab" }, { "larr", "\u2190" }, { "ldquo", "\u201c" }, { "lsquo", "\u2018" }, { "lt", "<" },
	{ "mdash", "\u2014" }, { "middot", "\u00b7" }, { "nbsp", "\u00a0" }, { "ndash", "\u2013" }, { "para", "\u00b6" }, { "plusmn", "\u00b1" },
	{ "pound", "\u00a3" }, { "quot", "\"" }, { "raquo", "\u00bb" }, { "rarr", "\u2192" }, { "rdquo", "\u201d" }, { "reg", "\u00ae" }, { "rsquo", "\u2019" },
	{ "sect", "\u00a7" }, { "times", "\u00d7" }, { "trade", "\u2122" }, { "yen", "\u00a5" },
};

static void
add_character(struct text *out, unsigned long c)
{
	static const unsigned char leads[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	char bytes[4];

	for (size_t i = length; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(leads[length] | c);
	text_add_bytes(out, bytes, length);
}

/* What stands between & and ;. False where that is no character. */
static bool
add_entity(struct text *out, const char *name)
{
	bool hex = name[0] == '#' && (name[1] == 'x' || name[1] == 'X');
	const char *digits = name + 1 + hex;

	for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
		if (!strcmp(entities[i].name, name)) {
			text_add(out, entities[i].text);
			return true;
		}
	if (*name != '#' || !*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
		return false;
	unsigned long c = strtoul(digits, NULL, hex ? 16 : 10);
	if (!c || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	add_character(out, c);
	return true;
}

char *
html_decode(struct arena *arena, const char *at, size_t length)
{
	struct text out = text_in(arena, 2 * length + 4);

	for (const char *end = at + length; at < end;) {
		const char *sign = memchr(at, '&', (size_t)(end - at));
		text_add_bytes(&out, at, (size_t)((sign ? sign : end) - at));
		at = sign ? sign : end;
		if (!sign)
			break;
		size_t left = (size_t)(end - at), most = left < ENTITY_MOST ? left : ENTITY_MOST;
		const char *close = memchr(at, ';', most);
		if (close && add_entity(&out, arena_slice(arena, at + 1, (size_t)(close - at - 1))))
			at = close + 1;
		else
			text_add_bytes(&out, at++, 1);
	}
	return out.bytes;
}
