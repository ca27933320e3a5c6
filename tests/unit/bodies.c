/* bodies: bodies of webhooks for tests. */
#include "tests/unit/bodies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"

enum { LONGEST = 256 * 1024 };

const char *
bodies_shared(struct arena *arena, const char *path)
{
	const char *shared = getenv("SALLYPORT_SHARED");
	FILE *file = fopen(arena_printf(arena, "%s/payloads/%s", shared ? shared : "../shared", path), "r");
	char *text = arena_take(arena, LONGEST);

	if (!file) {
		print_message("%s is not there: skipped\n", path);
		skip();
	}
	size_t length = fread(text, 1, LONGEST - 1, file);
	fclose(file);
	text[length] = '\0';
	return text;
}

enum spoil { SPOIL_GONE, SPOIL_NULL, SPOIL_NUMBER, SPOIL_TEXT, SPOIL_EMPTY, SPOIL_LIST, SPOIL_OBJECT, SPOIL_FLAG, SPOILS };

static struct json_object *
instead(enum spoil how)
{
	switch (how) {
	case SPOIL_NUMBER: return json_object_new_int64(INT64_MIN);
	case SPOIL_TEXT: return json_object_new_string("*<x|y>* [a](b) {{DATE( \x1b[31m\xe2\x80\xae `c` <!>");
	case SPOIL_EMPTY: return json_object_new_string("");
	case SPOIL_LIST: return json_tokener_parse("[null, [], {}, 1, \"x\", [[[]]]]");
	case SPOIL_OBJECT: return json_tokener_parse("{\"type\": 1, \"text\": {\"text\": []}}");
	case SPOIL_FLAG: return json_object_new_boolean(1);
	default: return NULL;
	}
}

/* Spoils the node that `*left` counts down to; true once it was met. */
static bool
spoil(struct json_object *at, size_t *left, enum spoil how)
{
	if (json_object_is_type(at, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(at); i++) {
			if ((*left)-- == 0)
				return how == SPOIL_GONE ? json_object_array_del_idx(at, i, 1) == 0 : json_object_array_put_idx(at, i, instead(how)) == 0;
			if (spoil(json_object_array_get_idx(at, i), left, how))
				return true;
		}
	} else if (json_object_is_type(at, json_type_object)) {
		json_object_object_foreach(at, key, value) {
			if ((*left)-- == 0) {
				if (how == SPOIL_GONE)
					json_object_object_del(at, key);
				else
					json_object_object_add(at, key, instead(how));
				return true;
			}
			if (spoil(value, left, how))
				return true;
		}
	}
	return false;
}

size_t
bodies_spoiled(const char *json, void (*each)(struct arena *, struct json_object *, void *with), void *with)
{
	size_t calls = 0;

	for (size_t node = 0;; node++)
		for (enum spoil how = 0; how < SPOILS; how++) {
			struct arena *arena = arena_new();
			struct json_object *body = json_read(arena, json, strlen(json), NULL);
			size_t left = node;
			assert_non_null(body);
			bool met = spoil(body, &left, how);
			if (met)
				each(arena, body, with);
			arena_free(arena);
			if (!met)
				return calls;
			calls++;
		}
}
