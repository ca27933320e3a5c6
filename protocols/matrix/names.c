/* names: how the people of a homeserver call themselves. */
#include "protocols/matrix/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

enum {
	NAMES_MOST = 5000,              /* beyond it all are forgotten, and learned again */
	SHOWN_MOST = 60,                /* bytes */
};

struct name {
	struct name *next;
	char *shown;
	char user[];
};

static unsigned
bucket_of(const char *user)
{
	uint32_t hash = 2166136261u;

	for (; *user; user++)
		hash = (hash ^ (unsigned char)*user) * 16777619u;
	return hash % NAME_BUCKETS;
}

static struct name *
find(const struct names *names, const char *user)
{
	struct name *name = names->bucket[bucket_of(user)];

	while (name && strcmp(name->user, user))
		name = name->next;
	return name;
}

static struct name *
add(struct names *names, const char *user)
{
	if (names->count >= NAMES_MOST)
		names_free(names);
	struct name **bucket = &names->bucket[bucket_of(user)], *name = memory_take(sizeof *name + strlen(user) + 1);
	strcpy(name->user, user);
	name->next = *bucket;
	*bucket = name;
	names->count++;
	return name;
}

/* "alice" of "@alice:corp.example"; where nothing of that can be shown, somebody. */
static const char *
first_part(struct arena *arena, const char *user)
{
	size_t length = strcspn(user + 1, ":");
	const char *shown = text_cut(arena, text_clean(arena, user + 1, length), SHOWN_MOST);

	return *shown ? shown : "somebody";
}

void
names_set(struct names *names, const char *user, const char *shown)
{
	struct name *name = find(names, user);
	struct arena *arena = arena_new();

	name = name ? name : add(names, user);
	char *clean = text_cut(arena, text_clean(arena, shown ? shown : "", shown ? strlen(shown) : 0), SHOWN_MOST);
	free(name->shown);
	name->shown = memory_text(*clean ? clean : first_part(arena, user));
	arena_free(arena);
}

const char *
names_of(struct names *names, const char *user)
{
	if (!find(names, user))
		names_set(names, user, NULL);
	return find(names, user)->shown;
}

void
names_free(struct names *names)
{
	for (unsigned i = 0; i < NAME_BUCKETS; i++)
		while (names->bucket[i]) {
			struct name *name = names->bucket[i];
			names->bucket[i] = name->next;
			free(name->shown);
			free(name);
		}
	names->count = 0;
}
