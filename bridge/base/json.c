/* json: one strict reader in front of json-c, and short ways to ask a document. */
#include "bridge/base/json.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"

enum { DEPTH = 32, NODES = 50000, LONGEST = 64 * 1024 * 1024 };

/* What json-c takes though it is no JSON is refused by this one pass over the text, before json-c sees it. */
struct check {
	struct arena *arena;
	const char *text, *at, *end;
	size_t nodes;
	struct error *error;
};

static bool
refuse(struct check *check, const char *what)
{
	return error_set(check->error, "This is no JSON: %s at byte %zu.", what, (size_t)(check->at - check->text) + 1);
}

static void
skip_white(struct check *check)
{
	while (check->at < check->end && strchr(" \t\r\n", *check->at))
		check->at++;
}

static bool
hex4(struct check *check, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++, check->at++) {
		if (check->at >= check->end || !isxdigit((unsigned char)*check->at))
			return refuse(check, "\\u without four hexadecimal digits");
		int digit = tolower((unsigned char)*check->at);
		*out = *out << 4 | (unsigned)(isdigit(digit) ? digit - '0' : digit - 'a' + 10);
	}
	return true;
}

static void
add_utf8(struct text *out, unsigned c)
{
	char bytes[4];
	size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	for (size_t i = length; i-- > 1; c >>= 6)
		bytes[i] = (char)(0x80 | (c & 0x3f));
	bytes[0] = (char)(leads[length] | c);
	text_add_bytes(out, bytes, length);
}

/* Behind \u: one character, or the two halves of one. `out` may be NULL. */
static bool
unicode(struct check *check, struct text *out)
{
	unsigned c, low;

	if (!hex4(check, &c))
		return false;
	if (c == 0)
		return refuse(check, "a NUL");
	if (c >= 0xdc00 && c <= 0xdfff)
		return refuse(check, "half a character (a lone surrogate)");
	if (c >= 0xd800 && c <= 0xdbff) {
		if (check->end - check->at < 6 || check->at[0] != '\\' || check->at[1] != 'u')
			return refuse(check, "half a character (a lone surrogate)");
		check->at += 2;
		if (!hex4(check, &low))
			return false;
		if (low < 0xdc00 || low > 0xdfff)
			return refuse(check, "half a character (a lone surrogate)");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (out)
		add_utf8(out, c);
	return true;
}

/* A string; its decoded text goes to `out` where that is wanted: keys are compared so. */
static bool
string(struct check *check, struct text *out)
{
	static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

	check->at++;
	while (check->at < check->end && *check->at != '"') {
		if ((unsigned char)*check->at < 0x20)
			return refuse(check, "a control character in a string");
		if (*check->at != '\\') {
			if (out)
				text_add_bytes(out, check->at, 1);
			check->at++;
			continue;
		}
		if (++check->at >= check->end)
			break;
		const char *escape = strchr(escapes, *check->at);
		if (*check->at == 'u') {
			check->at++;
			if (!unicode(check, out))
				return false;
		} else if (escape && *check->at) {
			if (out)
				text_add_bytes(out, &meanings[escape - escapes], 1);
			check->at++;
		} else
			return refuse(check, "an unknown escape");
	}
	if (check->at >= check->end)
		return refuse(check, "a string that never ends");
	check->at++;
	return true;
}

static const char *
digits(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

/* RFC 8259, section 6; and no number that would be another one after reading. */
static bool
number(struct check *check)
{
	const char *from = check->at, *at = from + (*from == '-'), *whole = at;
	bool fraction = false;

	at = digits(at);
	if (at == whole || (*whole == '0' && at > whole + 1))
		return refuse(check, "a number that is none");
	if (*at == '.') {
		const char *behind = digits(at + 1);
		if (behind == at + 1)
			return refuse(check, "a number that is none");
		at = behind;
		fraction = true;
	}
	if (*at == 'e' || *at == 'E') {
		const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-'), *behind = digits(exponent);
		if (behind == exponent)
			return refuse(check, "a number that is none");
		at = behind;
		fraction = true;
	}
	errno = 0;
	if (fraction ? !isfinite(strtod(from, NULL)) : (strtoll(from, NULL, 10), errno == ERANGE))
		return refuse(check, "a number out of range");
	check->at = at;
	return true;
}

static bool
word(struct check *check)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t length = strlen(words[i]);
		if ((size_t)(check->end - check->at) >= length && !strncmp(check->at, words[i], length)) {
			check->at += length;
			return true;
		}
	}
	return refuse(check, "a word or sign that does not belong here");
}

static bool value(struct check *, unsigned depth);

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
no_doubles(struct check *check, const char **keys, size_t count)
{
	if (count)
		qsort(keys, count, sizeof *keys, by_text);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(keys[i], keys[i - 1]))
			return refuse(check, "a key that is there twice, before this");
	return true;
}

static bool
member(struct check *check, unsigned depth, const char ***keys, size_t *count, size_t *size)
{
	struct text key = text_in(check->arena, (size_t)(check->end - check->at) + 1);

	skip_white(check);
	if (check->at >= check->end || *check->at != '"')
		return refuse(check, "no key where one belongs");
	if (!string(check, &key))
		return false;
	if (*count == *size) {
		size_t larger = *size ? 2 * *size : 16;
		const char **more = arena_take(check->arena, larger * sizeof *more);
		if (*count)
			memcpy(more, *keys, *count * sizeof *more);
		*keys = more;
		*size = larger;
	}
	(*keys)[(*count)++] = key.bytes;
	skip_white(check);
	if (check->at >= check->end || *check->at != ':')
		return refuse(check, "no : behind a key");
	check->at++;
	return value(check, depth + 1);
}

/* The members of an object or the elements of an array, up to its closing sign. */
static bool
inside(struct check *check, unsigned depth, char close)
{
	const char **keys = NULL;
	size_t count = 0, size = 0;

	check->at++;
	skip_white(check);
	if (check->at < check->end && *check->at == close) {
		check->at++;
		return true;
	}
	for (;;) {
		if (close == '}' ? !member(check, depth, &keys, &count, &size) : !value(check, depth + 1))
			return false;
		skip_white(check);
		if (check->at >= check->end)
			return refuse(check, "an end before everything is closed");
		if (*check->at == close) {
			check->at++;
			return no_doubles(check, keys, count);
		}
		if (*check->at++ != ',')
			return refuse(check, "no comma where one belongs");
	}
}

static bool
value(struct check *check, unsigned depth)
{
	skip_white(check);
	if (check->at >= check->end)
		return refuse(check, "nothing where a value belongs");
	if (depth > DEPTH)
		return refuse(check, "more than 32 levels");
	if (++check->nodes > NODES)
		return refuse(check, "more than 50,000 values");
	switch (*check->at) {
	case '{':
		return inside(check, depth, '}');
	case '[':
		return inside(check, depth, ']');
	case '"':
		return string(check, NULL);
	default:
		return *check->at == '-' || isdigit((unsigned char)*check->at) ? number(check) : word(check);
	}
}

static bool
is_strict(const char *text, size_t length, struct error *error)
{
	struct check check = { .arena = arena_new(), .text = text, .at = text, .end = text + length, .error = error };
	bool fine;

	if (length > LONGEST)
		fine = error_set(error, "This JSON has more than 64 MiB.");
	else if (!text_utf8(text, length))
		fine = error_set(error, "This is no JSON: it is not UTF-8, or holds a NUL.");
	else {
		fine = value(&check, 1);
		skip_white(&check);
		if (fine && check.at < check.end)
			fine = refuse(&check, "something behind its end");
	}
	arena_free(check.arena);
	return fine;
}

static void
put(void *object)
{
	json_object_put(object);
}

static struct json_object *
joined(struct arena *arena, struct json_object *object)
{
	arena_defer(arena, put, memory_got(object));
	return object;
}

struct json_object *
json_read(struct arena *arena, const char *text, size_t length, struct error *error)
{
	struct json_object *object = NULL;
	/* Ended by NUL, so that looking one byte ahead is always allowed. */
	char *copy = memory_take(length + 1);

	memcpy(copy, text, length);
	if (is_strict(copy, length, error)) {
		struct json_tokener *tokener = memory_got(json_tokener_new_ex(DEPTH + 2));
		object = json_tokener_parse_ex(tokener, copy, (int)length + 1);
		bool read = json_tokener_get_error(tokener) == json_tokener_success;
		json_tokener_free(tokener);
		if (!read)
			error_set(error, "This is no JSON.");
		else if (!object)
			error_set(error, "This JSON is null and says nothing.");
	}
	free(copy);
	if (object)
		joined(arena, object);
	return object;
}

/* Asking. */

static struct json_object *
step(struct json_object *object, const char *key, size_t length)
{
	struct json_object *next = NULL;
	char name[256];

	if (!object || length >= sizeof name)
		return NULL;
	memcpy(name, key, length);
	name[length] = '\0';
	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &next);
	else if (json_object_is_type(object, json_type_array) && length && strspn(name, "0123456789") == length && length < 9)
		next = json_object_array_get_idx(object, (size_t)atol(name));
	return next;
}

struct json_object *
json_at(struct json_object *object, const char *path)
{
	while (object && *path) {
		size_t length = strcspn(path, ".");
		object = step(object, path, length);
		path += length + (path[length] == '.');
	}
	return object;
}

struct json_object *
json_key(struct json_object *object, const char *key)
{
	struct json_object *found = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &found);
	return found;
}

const char *
json_string(struct json_object *object, const char *path, const char *fallback)
{
	struct json_object *found = json_at(object, path);

	return json_object_is_type(found, json_type_string) ? json_object_get_string(found) : fallback;
}

int64_t
json_integer(struct json_object *object, const char *path, int64_t fallback)
{
	struct json_object *found = json_at(object, path);

	return json_object_is_type(found, json_type_int) ? json_object_get_int64(found) : fallback;
}

bool
json_true(struct json_object *object, const char *path)
{
	struct json_object *found = json_at(object, path);

	return json_object_is_type(found, json_type_boolean) && json_object_get_boolean(found);
}

size_t
json_count(struct json_object *object, const char *path)
{
	struct json_object *found = json_at(object, path);

	return json_object_is_type(found, json_type_array) ? json_object_array_length(found) : 0;
}

/* Making. */

struct json_object *
json_new_object(struct arena *arena)
{
	return joined(arena, json_object_new_object());
}

struct json_object *
json_new_array(struct arena *arena)
{
	return joined(arena, json_object_new_array());
}

void
json_set(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, memory_got(json_object_new_string(text)));
}

void
json_set_integer(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, memory_got(json_object_new_int64(number)));
}

void
json_set_flag(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, memory_got(json_object_new_boolean(value)));
}

void
json_put(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, json_object_get(value));
}

void
json_push(struct json_object *array, const char *value)
{
	json_object_array_add(array, memory_got(json_object_new_string(value)));
}

const char *
json_write(struct json_object *object)
{
	return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
