/* mirrored: what somebody said in one place of a room, told in the others. */
#include "bridge/talk/mirrored.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/talk/styled.h"

static void
put_file(struct arena *arena, struct json_object *object, const struct attached *file)
{
	struct json_object *inner = json_new_object(arena);

	json_set(inner, "id", file->id);
	json_set(inner, "name", file->name);
	json_set(inner, "type", file->type);
	json_set_integer(inner, "size", file->size);
	json_put(object, "file", inner);
}

/* Who is told of something, one behind the other: how they are named, and who they are. */
static void
put_mentions(struct arena *arena, struct json_object *object, const struct mirrored *mirrored)
{
	struct json_object *list = json_new_array(arena);

	for (size_t i = 0; i < mirrored->mention_count; i++) {
		json_push(list, mirrored->mentions[i].said);
		json_push(list, mirrored->mentions[i].account);
	}
	json_put(object, "mentions", list);
}

const char *
mirrored_name(const struct mention *mention)
{
	const char *slash = strchr(mention->account, '/');

	return slash ? slash + 1 : mention->account;
}

const char *
mirrored_json(struct arena *arena, const struct mirrored *mirrored)
{
	struct json_object *object = json_new_object(arena);

	json_set_integer(object, "kind", mirrored->kind);
	json_set(object, "who", mirrored->who);
	json_set(object, "account", mirrored->account);
	json_set(object, "chat", mirrored->chat);
	json_set(object, "words", mirrored->words ? styled_json(arena, mirrored->words) : NULL);
	json_set(object, "to", mirrored->to);
	json_set(object, "quote", mirrored->quote);
	json_set(object, "url", mirrored->url);
	json_set_integer(object, "until", mirrored->until);
	if (mirrored->file)
		put_file(arena, object, mirrored->file);
	if (mirrored->mention_count)
		put_mentions(arena, object, mirrored);
	return arena_text(arena, json_write(object));
}

static const struct attached *
read_file(struct arena *arena, struct json_object *object)
{
	struct attached *file = arena_take(arena, sizeof *file);

	*file = (struct attached){ json_string(object, "id", ""), json_string(object, "name", ""), json_string(object, "type", ""), json_integer(object, "size", -1) };
	return file;
}

static void
read_mentions(struct arena *arena, struct json_object *object, struct mirrored *mirrored)
{
	struct json_object *list = json_key(object, "mentions");
	struct mention *mentions = arena_take(arena, MENTIONS_MOST * sizeof *mentions);
	size_t count = json_count(object, "mentions") / 2;

	for (size_t i = 0; i < count && i < MENTIONS_MOST; i++)
		mentions[mirrored->mention_count++] = (struct mention){ json_string(list, arena_printf(arena, "%zu", 2 * i), ""),
			json_string(list, arena_printf(arena, "%zu", 2 * i + 1), "") };
	mirrored->mentions = mentions;
}

struct mirrored *
mirrored_read(struct arena *arena, const char *json, struct error *error)
{
	struct json_object *object = json_read(arena, json, strlen(json), error);
	const char *words = object ? json_string(object, "words", NULL) : NULL;
	struct mirrored *mirrored = arena_take(arena, sizeof *mirrored);

	if (!object)
		return NULL;
	*mirrored = (struct mirrored){ .kind = (enum message_kind)json_integer(object, "kind", MESSAGE_SAID), .who = json_string(object, "who", ""),
		.account = json_string(object, "account", ""),
		.chat = json_string(object, "chat", ""), .to = json_string(object, "to", NULL), .quote = json_string(object, "quote", NULL),
		.url = json_string(object, "url", NULL), .until = json_integer(object, "until", 0) };
	if (json_key(object, "file"))
		mirrored->file = read_file(arena, json_key(object, "file"));
	read_mentions(arena, object, mirrored);
	if (words && !(mirrored->words = styled_read(arena, words, error)))
		return NULL;
	return mirrored;
}
