/* conf_scan: reads a configuration's text piece by piece: blanks, words, strings; and knows where it is.
 *
 * Private to the conf files. The text holds no NUL and no control characters but tab and line ends (conf_read.c). */
#ifndef SALLYPORT_BASE_CONF_SCAN_H
#define SALLYPORT_BASE_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bridge/base/conf_tree.h"

struct reader {
	struct conf *conf;
	const struct reader *from;      /* the file that includes this one */
	struct where where;             /* of that include */
	const char *file, *at, *end, *line_begins;
	int line;
	int told;                       /* the last line with a mistake of writing */
	int surplus;                    /* how many more } than { the file has; below 0 it is never closed somewhere */
	dev_t device;
	ino_t inode;
};

struct where scan_here(const struct reader *);
/* A mistake of writing: one a line, so that a typo is not told twice. False where it is not told. */
bool scan_mistake(struct reader *, struct where, const struct section *in, const char *format, ...) __attribute__((format(printf, 4, 5)));
size_t scan_order(struct reader *);              /* counts what is kept, so that no file can make us keep too much */

bool scan_more(const struct reader *);
char scan_peek(const struct reader *);                /* the next byte; '\0' at the end */
bool scan_is_quote(char);
bool scan_begins_item(const struct reader *, const char *at);         /* is this the beginning of the next option or section? */

/* The first byte behind it: `at` itself where there is none. */
const char *scan_skip_blanks(const struct reader *, const char *at);
const char *scan_skip_name(const struct reader *, const char *at);
const char *scan_skip_word(const struct reader *, const char *at);

void scan_skip_space(struct reader *);                /* blanks, line ends and comments */
/* After a mistake: to the next line, but not past a } that closes what we are in. */
void scan_skip_line(struct reader *, struct section *in);
void scan_skip_braces(struct reader *);               /* past a { and all up to its } */
int scan_surplus(const struct reader *);         /* of } over {, as they are read from here to the end */
int scan_braces(const char *begins, const char *end);    /* how many more { than } any bytes hold */

struct value *scan_quoted(struct reader *, struct section *in);  /* NULL where it is never closed; that is told */
/* One word, or all the words of a text whose quotes were forgotten, so that it can be shown with them. */
struct value *scan_bare(struct reader *, struct section *in);
struct value *scan_value(struct reader *, struct section *in);

#endif
