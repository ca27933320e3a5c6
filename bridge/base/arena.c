/* arena: memory that is freed together, and the foreign objects that go with it. */
#include "bridge/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 1024, LARGEST = 64 * 1024 };

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct deferred {
	struct deferred *next;
	void (*call)(void *);
	void *with;
};

struct arena {
	struct block *blocks;
	struct deferred *deferred;
	size_t next_size;
};

/* Nothing sensible can be done without memory: the service manager starts us again, and the store knows where we were. */
void *
memory_got(void *memory)
{
	if (!memory) {
		fputs("sallyport: out of memory\n", stderr);
		abort();
	}
	return memory;
}

void *
memory_take(size_t size)
{
	return memory_got(calloc(1, size ? size : 1));
}

void *
memory_resize(void *memory, size_t size)
{
	return memory_got(realloc(memory, size ? size : 1));
}

char *
memory_text(const char *text)
{
	return text ? memory_got(strdup(text)) : NULL;
}

struct arena *
arena_new(void)
{
	struct arena *arena = memory_take(sizeof *arena);

	arena->next_size = FIRST;
	return arena;
}

void
arena_free(struct arena *arena)
{
	if (!arena)
		return;
	/* A deferred call may itself defer; the list is read anew each time. */
	while (arena->deferred) {
		struct deferred *first = arena->deferred;
		arena->deferred = first->next;
		first->call(first->with);
	}
	while (arena->blocks) {
		struct block *block = arena->blocks;
		arena->blocks = block->next;
		free(block);
	}
	free(arena);
}

/* A size so large that it wraps round would give a block that is too small. */
static size_t
with_head(size_t size)
{
	if (size > PTRDIFF_MAX - sizeof(struct block))
		memory_got(NULL);
	return sizeof(struct block) + size;
}

static struct block *
add_block(struct arena *arena, size_t least)
{
	size_t size = least > arena->next_size ? least : arena->next_size;
	struct block *block = memory_take(with_head(size));

	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	if (arena->next_size < LARGEST)
		arena->next_size *= 2;
	return block;
}

#if defined __SANITIZE_ADDRESS__
/* Each piece in a block of its own, so that the sanitizer sees where it ends. */
void *
arena_take(struct arena *arena, size_t size)
{
	struct block *block = memory_take(with_head(size ? size : 1));

	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	(void)add_block;
	return block->bytes;
}
#else
void *
arena_take(struct arena *arena, size_t size)
{
	size_t aligned = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);

	if (aligned < size)
		memory_got(NULL);
	struct block *block = arena->blocks;
	if (!block || block->size - block->used < aligned)
		block = add_block(arena, aligned);
	void *memory = block->bytes + block->used;
	block->used += aligned;
	return memory;
}
#endif

size_t
arena_size(const struct arena *arena)
{
	size_t size = 0;

	for (const struct block *block = arena->blocks; block; block = block->next)
		size += block->size;
	return size;
}

void *
arena_copy(struct arena *arena, const void *from, size_t size)
{
	void *memory = arena_take(arena, size);

	if (size)
		memcpy(memory, from, size);
	return memory;
}

char *
arena_text(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text) + 1) : NULL;
}

char *
arena_slice(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_take(arena, length + 1);

	if (length)
		memcpy(copy, text, length);
	return copy;
}

char *
arena_vprintf(struct arena *arena, const char *format, va_list values)
{
	char brief[256];
	va_list again;

	va_copy(again, values);
	int length = vsnprintf(brief, sizeof brief, format, values);
	size_t size = (size_t)(length < 0 ? 0 : length) + 1;
	char *text = arena_take(arena, size);
	if (length > 0 && size <= sizeof brief)
		memcpy(text, brief, size);
	else if (length > 0)
		vsnprintf(text, size, format, again);
	va_end(again);
	return text;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *text = arena_vprintf(arena, format, values);
	va_end(values);
	return text;
}

void
arena_defer(struct arena *arena, void (*call)(void *), void *with)
{
	struct deferred *deferred = arena_take(arena, sizeof *deferred);

	*deferred = (struct deferred){ arena->deferred, call, with };
	arena->deferred = deferred;
}
