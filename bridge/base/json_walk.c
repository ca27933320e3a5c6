/* json_walk: the outer levels of a big document, walked without building it. */
#include "bridge/base/json_walk.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"

static const char *
skip_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Behind the closing quote; NULL where there is none. */
static const char *
skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	return at < end ? at + 1 : NULL;
}

/* Behind the brackets that close what begins here, however deep it is. */
static const char *
skip_nested(const char *at, const char *end)
{
	size_t depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			if (!at)
				return NULL;
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if ((*at == '}' || *at == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return NULL;
}

static const char *
skip_value(const char *at, const char *end)
{
	const char *begin = at;

	if (at == end)
		return NULL;
	if (*at == '"')
		return skip_string(at, end);
	if (*at == '{' || *at == '[')
		return skip_nested(at, end);
	while (at < end && !strchr(",]} \t\r\n", *at))
		at++;
	return at > begin ? at : NULL;
}

struct json_part
json_part_of(const char *text, size_t length)
{
	const char *end = text + length, *at = skip_blank(text, end), *after = skip_value(at, end);

	if (!after || skip_blank(after, end) != end)
		return (struct json_part){ NULL, 0 };
	return (struct json_part){ at, (size_t)(after - at) };
}

struct json_walk
json_walk(struct json_part part)
{
	if (!part.at || part.length < 2 || (*part.at != '{' && *part.at != '['))
		return (struct json_walk){ 0 };
	return (struct json_walk){ .at = part.at + 1, .end = part.at + part.length - 1, .object = *part.at == '{', .first = true };
}

static bool
broken(struct json_walk *walk)
{
	walk->broken = true;
	walk->at = walk->end;
	return false;
}

static bool
next_key(struct json_walk *walk, struct json_part *key)
{
	const char *after = walk->at < walk->end && *walk->at == '"' ? skip_string(walk->at, walk->end) : NULL;

	if (!after)
		return false;
	*key = (struct json_part){ walk->at, (size_t)(after - walk->at) };
	walk->at = skip_blank(after, walk->end);
	if (walk->at == walk->end || *walk->at != ':')
		return false;
	walk->at = skip_blank(walk->at + 1, walk->end);
	return true;
}

bool
json_walk_next(struct json_walk *walk, struct json_part *key, struct json_part *value)
{
	*key = (struct json_part){ NULL, 0 };
	walk->at = skip_blank(walk->at, walk->end);
	if (walk->at == walk->end)
		return false;
	if (!walk->first) {
		if (*walk->at != ',')
			return broken(walk);
		walk->at = skip_blank(walk->at + 1, walk->end);
	}
	walk->first = false;
	if (walk->object && !next_key(walk, key))
		return broken(walk);
	const char *after = skip_value(walk->at, walk->end);
	if (!after)
		return broken(walk);
	*value = (struct json_part){ walk->at, (size_t)(after - walk->at) };
	walk->at = after;
	return true;
}

struct json_part
json_part_key(struct json_part object, const char *key)
{
	struct json_walk walk = json_walk(object);
	struct json_part name, value;
	size_t length = strlen(key);

	while (walk.object && json_walk_next(&walk, &name, &value))
		if (name.length == length + 2 && !memcmp(name.at + 1, key, length))
			return value;
	return (struct json_part){ NULL, 0 };
}

const char *
json_part_text(struct arena *arena, struct json_part part)
{
	if (!part.at || *part.at != '"')
		return NULL;
	char *alone = arena_printf(arena, "[%.*s]", (int)part.length, part.at);
	return json_string(json_read(arena, alone, strlen(alone), NULL), "0", NULL);
}

bool
json_part_is(struct json_part part, const char *written)
{
	return part.at && part.length == strlen(written) && !memcmp(part.at, written, part.length);
}
