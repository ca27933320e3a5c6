/* form: a form as browsers and curl post it, as a JSON object of strings. */
#include "bridge/base/form.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"

enum { FIELDS_MOST = 1000 };

static int
hex(char digit)
{
	return isdigit((unsigned char)digit) ? digit - '0' : tolower((unsigned char)digit) - 'a' + 10;
}

/* NULL where the result would be no text. A % without two digits stands for itself. */
static char *
decoded(struct arena *arena, const char *at, size_t length, char plus)
{
	char *out = arena_take(arena, length + 1);
	size_t size = 0;

	for (size_t i = 0; i < length; i++) {
		bool escape = at[i] == '%' && length - i > 2 && isxdigit((unsigned char)at[i + 1]) && isxdigit((unsigned char)at[i + 2]);
		if (escape)
			out[size++] = (char)(hex(at[i + 1]) << 4 | hex(at[i + 2]));
		else
			out[size++] = at[i] == '+' ? plus : at[i];
		i += escape ? 2 : 0;
	}
	return text_utf8(out, size) ? out : NULL;
}

char *
form_unescaped(struct arena *arena, const char *at, size_t length)
{
	return decoded(arena, at, length, '+');
}

static bool
field(struct arena *arena, struct json_object *form, const char *at, size_t length, struct error *error)
{
	const char *equals = memchr(at, '=', length);
	size_t before = equals ? (size_t)(equals - at) : length;
	const char *name = decoded(arena, at, before, ' ');
	const char *value = equals ? decoded(arena, equals + 1, length - before - 1, ' ') : "";

	if (!name || !value)
		return error_set(error, "This is no form: one of its fields is no UTF-8.");
	if (*name && !json_key(form, name))
		json_set(form, name, value);
	return true;
}

struct json_object *
form_read(struct arena *arena, const char *body, size_t length, struct error *error)
{
	struct json_object *form = json_new_object(arena);
	const char *end = body + length;
	size_t count = 0;

	if (!memchr(body, '=', length)) {
		error_set(error, "This is no form: it has no field.");
		return NULL;
	}
	for (const char *at = body; at < end;) {
		const char *stop = memchr(at, '&', (size_t)(end - at));
		stop = stop ? stop : end;
		if (++count > FIELDS_MOST) {
			error_set(error, "This form has more than %d fields.", FIELDS_MOST);
			return NULL;
		}
		if (!field(arena, form, at, (size_t)(stop - at), error))
			return NULL;
		at = stop + 1;
	}
	return form;
}
