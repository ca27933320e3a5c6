/* text: growing strings, and what is done to the words of others before we show them. */
#ifndef SALLYPORT_BASE_TEXT_H
#define SALLYPORT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* A string that grows in an arena, never past its limit: what does not fit is dropped on a UTF-8
 * boundary and `cut` says so. bytes is always ended by NUL. */
struct text {
	struct arena *arena;
	char *bytes;
	size_t length, size, limit;
	bool cut;
};

struct text text_in(struct arena *, size_t limit);
void text_add(struct text *, const char *);                      /* NULL adds nothing */
void text_add_bytes(struct text *, const char *, size_t length);
void text_printf(struct text *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* UTF-8. */
bool text_utf8(const char *, size_t length);                     /* valid, without NUL, surrogates or overlong forms */
size_t text_fit(const char *, size_t length, size_t most);       /* the longest whole prefix of at most `most` bytes */
size_t text_columns(const char *);                               /* how many columns a terminal gives it */

/* The words of others, as one clean line: valid UTF-8; no C0 or C1, escape sequences, IRC codes, bidirectional or
 * zero-width characters; line ends and runs of white space become one blank. facts: threats O2. */
char *text_clean(struct arena *, const char *, size_t length);
/* The same for many lines: line ends stay. Tabs become blanks. */
char *text_clean_lines(struct arena *, const char *, size_t length);
/* The same for what people say to one another: several emoji that are joined to one stay one. */
char *text_clean_talk(struct arena *, const char *, size_t length);
char *text_cut(struct arena *, const char *, size_t most);       /* at a word, ended by "..." where something is gone */

char *text_plain(struct arena *, const char *);                  /* typographic quotes and no-break spaces to plain ones */
bool text_glob(const char *pattern, const char *);               /* * and ? (one character); at worst the lengths multiplied */
/* The nearest of `among` (ended by NULL), or NULL where none is near enough to be what was meant. */
const char *text_nearest(const char *word, const char *const *among);
char *text_size(struct arena *, int64_t bytes);                 /* 214 KB, 1.4 MB: decimal, as people are used to */
const char *text_s(unsigned long count);                         /* "" for one, else "s" */

#endif
