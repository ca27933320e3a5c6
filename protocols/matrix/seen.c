/* seen: the newest events that were heard. */
#include "protocols/matrix/seen.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "bridge/base/arena.h"

enum { SEEN_MOST = 4096 };

/* An event's id is a hash already, made by the homeserver; 64 bits of a hash of it tell a few thousand apart. */
struct seen {
	uint64_t ring[SEEN_MOST];
	size_t next;
};

struct seen *
seen_new(void)
{
	return memory_take(sizeof(struct seen));
}

void
seen_free(struct seen *seen)
{
	free(seen);
}

static uint64_t
mark_of(const char *event)
{
	uint64_t hash = 14695981039346656037u;

	for (; *event; event++)
		hash = (hash ^ (unsigned char)*event) * 1099511628211u;
	return hash ? hash : 1;
}

bool
seen_has(const struct seen *seen, const char *event)
{
	uint64_t mark = mark_of(event);

	for (size_t i = 0; i < SEEN_MOST; i++)
		if (seen->ring[i] == mark)
			return true;
	return false;
}

void
seen_add(struct seen *seen, const char *event)
{
	seen->ring[seen->next] = mark_of(event);
	seen->next = (seen->next + 1) % SEEN_MOST;
}
