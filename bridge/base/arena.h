/* arena: memory that is freed together, and the foreign objects that go with it.
 *
 * Who frees it? The arena. Out of memory is fatal here, in one place, so nobody else checks. */
#ifndef SALLYPORT_BASE_ARENA_H
#define SALLYPORT_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *);                      /* runs the deferred calls, last first; NULL is fine */

void *arena_take(struct arena *, size_t size);        /* zeroed, aligned for anything */
size_t arena_size(const struct arena *);              /* bytes it holds, taken or not */
void *arena_copy(struct arena *, const void *, size_t size);
char *arena_text(struct arena *, const char *);       /* a copy; NULL stays NULL */
char *arena_slice(struct arena *, const char *, size_t length);     /* a copy of that many bytes, ended by NUL */
char *arena_printf(struct arena *, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *, const char *format, va_list) __attribute__((format(printf, 2, 0)));

void arena_defer(struct arena *, void (*call)(void *), void *with); /* called by arena_free */

/* Memory that lives on its own: freed with free(). Never NULL. */
void *memory_take(size_t size);                       /* zeroed */
void *memory_resize(void *, size_t size);
char *memory_text(const char *);                      /* NULL stays NULL */
void *memory_got(void *);                             /* what a library allocated, as it is; NULL is out of memory, and fatal */

#endif
