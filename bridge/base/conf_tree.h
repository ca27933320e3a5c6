/* conf_tree: a configuration as it was written: the reader (conf_read.c) makes it, settings are filled from it (conf_fill.c).
 *
 * Private to the conf files; everybody else sees conf.h. */
#ifndef SALLYPORT_BASE_CONF_TREE_H
#define SALLYPORT_BASE_CONF_TREE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

#define CONF_DEPTH_MOST 8               /* of sections in sections, and of files in files */
#define CONF_FILES_MOST 256
#define CONF_MISTAKES_MOST 1000
#define CONF_WARNINGS_MOST 100

enum quoting { QUOTED_NOT, QUOTED_SINGLE, QUOTED_DOUBLE };

struct value {
	struct value *next;
	const char *text;               /* without its quotes, its escapes resolved */
	struct where where;
	enum quoting quoting;
	bool escaped;                   /* it has a backslash in double quotes */
	bool strange;                   /* one that means nothing there; told when the type is known */
};

struct option {
	struct option *next;
	const char *name;
	struct where where;
	size_t order;                   /* among all that was read */
	bool list;                      /* written with braces */
	struct value *first;            /* NULL too where reading it failed; that was told then */
};

struct section {
	struct section *next, *parent;
	const char *kind, *title;       /* the root has neither */
	struct where where;
	size_t order, ended;            /* ended: the order of the last thing in it */
	bool torn;                      /* something in it swallowed the rest: what it lacks or has too much says nothing */
	struct option *options, **options_end;
	struct section *inner, **inner_end;
};

/* What the file held that a value names. */
struct held {
	struct held *next;
	const struct value *value;
	const struct secret *secret;
};

struct mistake {
	size_t file;                    /* files come in the order of reading */
	int line, column;
	const char *text;
	const char *warning;            /* the same with that word in it; NULL: it is a mistake */
};

struct conf {
	struct arena *arena;
	struct section root;
	const char *folder;             /* of the first file, with its slash; "" where it was named without one */
	const char *files[CONF_FILES_MOST];
	size_t file_count, nodes;
	struct held *held;              /* what the files of secrets held, as they were read */
	bool full;                      /* too much was written; reading has stopped */
	struct mistake *mistakes;       /* and warnings, in the order of the files */
	size_t mistake_count, warning_count;
	size_t told;                    /* how often conf_mistake was called: more than are kept */
};

struct conf *conf_new(const char *path);
void conf_vmistake(struct conf *, struct where, const struct section *, const char *format, va_list) __attribute__((format(printf, 4, 0)));
/* kind "title", as it is said. */
char *conf_section_name(struct conf *, const struct section *);
/* A name as it stands in a file, seen from beside that file. */
char *conf_beside(struct conf *, const char *file, const char *name);

unsigned tree_depth(const struct section *);     /* 0 for the root */
/* A section that is never closed swallows its neighbours; they are indented no further than it is. */
void tree_give_back(struct section *open);
/* A } too much has closed a section early; what it still should hold is indented further than the } that is left over. */
void tree_take_back(struct section *in, struct where stray);

#endif
