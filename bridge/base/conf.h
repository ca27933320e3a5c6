/* conf: reads the configuration: sections, options and lists, in libconfuse's look; every value remembers its place.
 *
 *     # a comment                            name = "value"   name = 'as it is'   name = yes   name = 12
 *     section "title" { name = value }       name = { "a", "b" }                  include("file")
 *
 * In "double quotes" \" \\ \n \t are escapes; 'single quotes' take text as it is. A string ends on its line. Only yes, no,
 * true, false and numbers stand without quotes. A # behind a letter is a letter: a comment has a blank before it.
 *
 * conf_read() turns text into a tree, conf_fill() a section of it into a struct by a table of settings. All mistakes
 * are collected, each with file and line and what to write instead, and told together. Nothing comes from the environment. */
#ifndef SALLYPORT_BASE_CONF_H
#define SALLYPORT_BASE_CONF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct conf;
struct section;

struct where {
	const char *file;               /* as it was named: the base name is enough for people */
	int line, column;               /* from 1 */
};

/* What a setting holds. The field it fills is named behind it. */
enum type {
	TYPE_END,
	TYPE_TITLE,                     /* const char *: the section's title, section "title" { */
	TYPE_WHERE,                     /* struct where: where the section begins */
	TYPE_TEXT,                      /* const char * */
	TYPE_LIST,                      /* struct list; one string counts as a list of one */
	TYPE_FLAG,                      /* bool: yes no true false */
	TYPE_NUMBER,                    /* int64_t, 0 or more */
	TYPE_SPAN,                      /* int64_t, milliseconds: "90s" "30m" "12h" "7d" */
	TYPE_URL,                       /* const char *: http or https, no trailing slash kept, no user in it */
	TYPE_PATTERN,                   /* const struct pattern *; the text itself is kept by the reader */
	TYPE_PATH,                      /* const char *: relative names are beside the file that they stand in */
	TYPE_SECRET,                    /* const struct secret *: the setting "token" is the option token_file */
	TYPE_SECTIONS,                  /* struct sections: inner sections of `shape`, any number */
};

struct list {
	size_t count;
	const char *const *each;
	const struct where *where;      /* of each entry */
};

bool list_has(const struct list *, const char *word);

struct sections {
	size_t count;
	void *const *each;              /* structs of the shape's size */
};

struct setting {
	const char *name;
	enum type type;
	size_t offset;                  /* of the field in the struct that is filled */
	const char *fallback;           /* as it would be written, without quotes (a list: a, b); NULL: zero; CONF_REQUIRED: must be there */
	const char *about;              /* one sentence, for the manual */
	const struct shape *shape;      /* of TYPE_SECTIONS */
};

/* What one kind of section holds. */
struct shape {
	const char *name;               /* the word before the title */
	size_t size;                    /* of the struct that it fills */
	const struct setting *settings; /* ended by {0} */
	const char *about;              /* one sentence, for the manual */
	bool untitled;                  /* the section takes no title (hooks { }) */
};

extern const char CONF_REQUIRED[];  /* a fallback: the option must be written */

#define SETTING(of, field, type, fallback, about) \
	{ #field, (type), offsetof(struct of, field), (fallback), (about), NULL }

/* Reads the file and what it includes (8 deep, 1 MiB each). Never NULL: mistakes are kept in it. Free with conf_free. */
struct conf *conf_read(const char *path);
struct conf *conf_read_text(const char *name, const char *text, size_t length);      /* the same, from memory */
void conf_free(struct conf *);
struct arena *conf_arena(struct conf *);         /* what lives as long as the configuration */

/* The whole file is a section; NULL ends the walk. `kind` NULL: every kind. */
struct section *conf_root(struct conf *);
struct section *conf_next(const struct section *of, const struct section *after, const char *kind);
const char *section_kind(const struct section *);
const char *section_title(const struct section *);         /* NULL where it has none */
struct where section_where(const struct section *);

/* Fills `out` (zeroed, of the shape's size) from the section, and reads its secrets. False where there were mistakes;
 * `out` is then still safe to read: what was refused has its fallback, a required text, path or address is "", a title
 * is never NULL. Also a mistake: an unknown option (did you mean), a value of another type, an option written twice, a
 * required one missing, a title twice among the inner sections of one kind, a token beside a plain http address that is
 * not loopback, unless the shape has a flag `insecure` and it says yes.
 * The root takes sections of any kind: which are known is its owner's business. */
bool conf_fill(struct conf *, const struct section *, const struct shape *, void *out);

/* Adds a mistake: "FILE:LINE: kind "title": sentence". Told twice it is kept once; 1000 are enough. */
void conf_mistake(struct conf *, struct where, const struct section *, const char *format, ...) __attribute__((format(printf, 4, 5)));
size_t conf_mistakes(const struct conf *);                 /* how many */
const char *conf_mistake_at(const struct conf *, size_t i);      /* in order of file and line */

/* What is no mistake, stops nothing, and yet is likely not meant. 100 are kept. */
void conf_warning(struct conf *, struct where, const struct section *, const char *format, ...) __attribute__((format(printf, 4, 5)));
size_t conf_warnings(const struct conf *);
const char *conf_warning_at(const struct conf *, size_t i);
/* Both, in their order: "FILE:LINE: warning: kind "title": sentence"; NULL ends them. */
const char *conf_told_at(const struct conf *, size_t i);

/* What differs between two readings of it, once both were filled: what is written, and what the files of secrets held; order and place do not
 * count. A section that only one of them has is another one. */
bool conf_same(const struct conf *before, const struct section *, const struct conf *after, const struct section *);
/* "room "ops": services changed", "irc "corp" is new": each without its full stop, in the order of `after`, what is gone last. */
void conf_differences(struct conf *before, struct conf *after, void (*each)(const char *sentence, void *with), void *with);

#endif
