/* page: what a paging service is told about one alert: what PagerDuty and Opsgenie share. */
#include "integrations/receivers/page.h"

#include <openssl/sha.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"

enum { LABEL_MOST = 200, UNNAMED_BYTES = 16 };

const char *
page_unnamed(struct arena *arena, const char *body, size_t length)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char *out = arena_take(arena, 2 * UNNAMED_BYTES + 1);

	SHA256((const unsigned char *)body, length, hash);
	for (size_t i = 0; i < UNNAMED_BYTES; i++) {
		out[2 * i] = "0123456789abcdef"[hash[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
	}
	return out;
}

void
page_label(struct page *page, const char *name, struct json_object *value)
{
	enum json_type type = json_object_get_type(value);

	if (type == json_type_null || type == json_type_object || type == json_type_array || page->label_count == PAGE_LABELS)
		return;
	const char *text = json_object_get_string(value);
	if (*name && *text && strlen(name) <= LABEL_MOST && strlen(text) <= LABEL_MOST && !strchr(text, '\n'))
		page->labels[page->label_count++] = (struct page_label){ name, text };
}

void
page_labels(struct page *page, struct json_object *object)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, name, value)
		page_label(page, name, value);
}
