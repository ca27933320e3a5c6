/* conf_read: turns a configuration file into a tree, and goes on reading after a mistake.
 *
 * A typo must not hide the next one, nor be told five times. So after each mistake the reader guesses what was meant
 * and continues there; a line has at most one mistake of writing; and what a lost brace has put into the wrong section
 * is moved by how far the lines are indented, as a person would (conf_tree.c). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/conf_scan.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/text.h"

#define FILE_MOST (1024 * 1024)
#define NAME_MOST 64

static void read_file(struct conf *, const struct reader *from, struct where, const char *path, struct section *into);
static void read_item(struct reader *, struct section *in);

/* Lists. */

/* Is the list over without its }? So it is at the next option, which nothing but a comma could make a value. */
static bool
is_over(const struct reader *reader, const struct option *list, bool comma)
{
	return !scan_more(reader) || ((reader->line > list->where.line || !comma) && scan_begins_item(reader, reader->at));
}

/* A quote that was lost has swallowed its }, and is told already. */
static void
end_list(struct reader *reader, struct section *in, const struct option *list, bool lost)
{
	bool end = !scan_more(reader);

	if (!lost)
		scan_mistake(reader, list->where, in, "the list %s that begins here is never closed with }.", list->name);
	reader->surplus++;
	for (; end && in->parent; in = in->parent)
		in->torn = true;
}

/* A sign where a value should stand. */
static void
mend_list(struct reader *reader, struct section *in, const struct option *list)
{
	const struct where where = scan_here(reader);

	if (*reader->at == '{' && reader->surplus >= 0) {
		scan_mistake(reader, where, in, "%s is a list of values; there are no lists in it.", list->name);
		scan_skip_braces(reader);
		return;
	}
	if (*reader->at == '{') {
		scan_mistake(reader, where, in, "one { is enough for the list %s.", list->name);
		reader->surplus++;
	} else if (*reader->at == ',') {
		scan_mistake(reader, where, in, "a value of the list %s is missing before this comma.", list->name);
	} else {
		scan_mistake(reader, where, in, "commas stand between the values of the list %s, not ;.", list->name);
	}
	reader->at++;
}

static bool
take_comma(struct reader *reader)
{
	scan_skip_space(reader);
	if (scan_peek(reader) != ',')
		return false;
	reader->at++;
	return true;
}

/* From behind the { on. */
static void
read_list(struct reader *reader, struct section *in, struct option *option)
{
	struct value **end = &option->first;
	bool comma = true, lost = false;

	option->list = true;
	for (scan_skip_space(reader); scan_peek(reader) != '}'; scan_skip_space(reader)) {
		if (is_over(reader, option, comma)) {
			end_list(reader, in, option, lost);
			return;
		}
		if (strchr("{,;", *reader->at)) {
			mend_list(reader, in, option);
			comma = true;
			continue;
		}
		if (!comma)
			scan_mistake(reader, scan_here(reader), in, "a comma is missing before this value of the list %s.", option->name);
		*end = scan_value(reader, in);
		lost |= !*end;
		comma = take_comma(reader) || !*end;
		end = *end ? &(*end)->next : end;
	}
	reader->at++;
}

/* "a", "b": a list whose { was forgotten. */
static bool
is_unopened(const struct reader *reader)
{
	struct reader ahead = *reader;

	if (!take_comma(&ahead))
		return false;
	scan_skip_space(&ahead);
	return scan_is_quote(scan_peek(&ahead));
}

/* Options. */

static struct option *
add_option(struct reader *reader, struct section *in, const char *name, struct where where)
{
	struct option *option = arena_take(reader->conf->arena, sizeof *option);

	option->name = name;
	option->where = where;
	option->order = scan_order(reader);
	*in->options_end = option;
	in->options_end = &option->next;
	return option;
}

static void
read_text_or_list(struct reader *reader, struct section *in, struct option *option)
{
	const char *begins = reader->at;

	option->first = scan_quoted(reader, in);
	if (!option->first || !is_unopened(reader))
		return;
	scan_mistake(reader, option->where, in, "{ is missing before the values of %s.", option->name);
	reader->surplus--;
	reader->at = begins;
	read_list(reader, in, option);
}

/* Behind the =. A word on the next line is no value: it is the next option. */
static void
read_option(struct reader *reader, struct section *in, const char *name, struct where where)
{
	struct option *option = add_option(reader, in, name, where);

	scan_skip_space(reader);
	if (scan_peek(reader) == '{') {
		reader->at++;
		read_list(reader, in, option);
	} else if (scan_is_quote(scan_peek(reader))) {
		read_text_or_list(reader, in, option);
	} else if (scan_more(reader) && reader->line == where.line && scan_skip_word(reader, reader->at) != reader->at) {
		option->first = scan_bare(reader, in);
	} else {
		scan_mistake(reader, where, in, "%s has no value; write %s = \"...\".", name, name);
	}
}

/* Sections. */

static struct section *
add_section(struct reader *reader, struct section *in, const char *kind, const char *title, struct where where)
{
	struct section *section = arena_take(reader->conf->arena, sizeof *section);

	section->parent = in;
	section->kind = kind;
	section->title = title;
	section->where = where;
	section->order = scan_order(reader);
	section->options_end = &section->options;
	section->inner_end = &section->inner;
	*in->inner_end = section;
	in->inner_end = &section->next;
	return section;
}

/* What stands between the braces; at the end of the file, too, it ends. */
static void
read_body(struct reader *reader, struct section *in)
{
	for (scan_skip_space(reader); scan_more(reader) && *reader->at != '}'; scan_skip_space(reader))
		read_item(reader, in);
}

/* Is this } the section's own? In a file that is never closed somewhere, one that is indented less is not. */
static bool
closes(const struct reader *reader, const struct section *section)
{
	bool first = scan_skip_blanks(reader, reader->line_begins) == reader->at;

	return reader->surplus >= 0 || !first || scan_here(reader).column >= section->where.column;
}

static void
read_section(struct reader *reader, struct section *in, const char *kind, const char *title, struct where where)
{
	if (tree_depth(in) >= CONF_DEPTH_MOST) {
		scan_mistake(reader, where, in, "sections stand in sections %d deep at most.", CONF_DEPTH_MOST);
		if (scan_peek(reader) == '{')
			scan_skip_braces(reader);
		else
			scan_skip_line(reader, in);
		return;
	}
	struct section *section = add_section(reader, in, kind, title, where);
	if (scan_peek(reader) == '{')
		reader->at++;
	read_body(reader, section);
	section->ended = reader->conf->nodes;
	if (scan_more(reader) && closes(reader, section)) {
		reader->at++;
		return;
	}
	reader->surplus++;
	if (!section->torn && !reader->conf->full)
		conf_mistake(reader->conf, where, NULL, "the section %s that begins here is never closed with }.", conf_section_name(reader->conf, section));
	tree_give_back(section);
}

/* places { "a" }: a list whose = was forgotten. No section begins with a string. */
static bool
is_list(const struct reader *reader)
{
	struct reader ahead = *reader;

	ahead.at++;
	scan_skip_space(&ahead);
	return scan_is_quote(scan_peek(&ahead));
}

/* Files in files. */

/* From behind the word include. */
static void
read_include(struct reader *reader, struct section *in, struct where where)
{
	struct value *value = NULL;

	if (scan_peek(reader) == '(') {
		reader->at = scan_skip_blanks(reader, reader->at + 1);
		value = scan_is_quote(scan_peek(reader)) ? scan_quoted(reader, in) : NULL;
		reader->at = scan_skip_blanks(reader, reader->at);
	}
	if (!value || scan_peek(reader) != ')') {
		scan_mistake(reader, where, in, "a file is included with include(\"FILE\").");
		scan_skip_line(reader, in);
		return;
	}
	reader->at++;
	read_file(reader->conf, reader, where, conf_beside(reader->conf, reader->file, value->text), in);
}

/* Items: an option, a section or an include; and what is neither. */

/* A name, perhaps a string, and neither = nor {. Which of the two it lacks is seen from the braces of the whole file. */
static void
read_unsigned(struct reader *reader, struct section *in, const char *name, struct value *value, struct where where)
{
	if (reader->surplus > 0) {
		reader->surplus--;
		scan_mistake(reader, where, in, "{ is missing after %s%s.", name, value ? " and its title" : "");
		read_section(reader, in, name, value ? value->text : NULL, where);
		return;
	}
	scan_mistake(reader, where, in, "= is missing after %s; write %s = ..., or %s { ... } for a section.", name, name, name);
	add_option(reader, in, name, where)->first = value;
}

/* The title's closing quote was forgotten, and the line given up from `begins` on. The title is most likely what stands
 * before the {; the section ends on the line, or goes on with the next one. */
static void
read_torn_title(struct reader *reader, struct section *in, const char *name, const char *begins, struct where where)
{
	const char *brace = memchr(begins, '{', (size_t)(reader->at - begins));
	int open = scan_braces(begins, reader->at);

	if (!brace || tree_depth(in) >= CONF_DEPTH_MOST) {
		add_option(reader, in, name, where);
		return;
	}
	while (brace > begins && (brace[-1] == ' ' || brace[-1] == '\t'))
		brace--;
	char *title = arena_slice(reader->conf->arena, begins, (size_t)(brace - begins));
	if (open > 0) {
		read_section(reader, in, name, title, where);
		return;
	}
	struct section *section = add_section(reader, in, name, title, where);
	section->torn = true;
	section->ended = section->order;
}

static void
read_titled(struct reader *reader, struct section *in, const char *name, struct where where)
{
	const char *begins = reader->at + 1;
	struct value *value = scan_quoted(reader, in);

	if (!value) {
		read_torn_title(reader, in, name, begins, where);
		return;
	}
	scan_skip_space(reader);
	if (scan_peek(reader) == '{')
		read_section(reader, in, name, value->text, where);
	else
		read_unsigned(reader, in, name, value, where);
}

/* console socket = "...": what follows the name is an option of its own. */
static bool
is_alone(const struct reader *reader, struct where where)
{
	const char *after = scan_skip_name(reader, reader->at);
	const char *sign = scan_skip_blanks(reader, after);

	return !scan_more(reader) || reader->line != where.line || *reader->at == '}' || (after > reader->at && sign < reader->end && *sign == '=');
}

/* A name, and then something that is no sign of ours. */
static void
read_lone(struct reader *reader, struct section *in, const char *name, struct where where)
{
	if (is_alone(reader, where)) {
		read_unsigned(reader, in, name, NULL, where);
		return;
	}
	/* The title may have lost one of its quotes, or both. */
	const char *ends = scan_skip_word(reader, reader->at);
	const char *brace = scan_skip_blanks(reader, ends + (ends < reader->end && scan_is_quote(*ends)));
	if (ends > reader->at && brace < reader->end && *brace == '{') {
		char *title = arena_slice(reader->conf->arena, reader->at, (size_t)(ends - reader->at));
		scan_mistake(reader, where, in, "a title stands in quotes; write %s \"%s\" {.", name, text_cut(reader->conf->arena, title, NAME_MOST));
		reader->at = brace;
		read_section(reader, in, name, title, where);
		return;
	}
	scan_mistake(reader, where, in, "= is missing after %s; write %s = ...", name, name);
	add_option(reader, in, name, where);
	scan_skip_line(reader, in);
}

/* What no item begins with. */
static void
read_stray(struct reader *reader, struct section *in)
{
	static const struct {
		char begins;
		const char *sentence;
	} strays[] = {
		{ '"',  "a text stands alone here; an option is written NAME = \"...\"." },
		{ '\'', "a text stands alone here; an option is written NAME = '...'." },
		{ '(',  "a ( stands only behind include." },
		{ ',',  "no , stands between options." },
		{ '/',  "a comment begins with #." },
		{ ';',  "no ; stands between options." },
		{ '=',  "there is no name before this =." },
		{ '{',  "there is no name before this {; a section is written NAME \"TITLE\" { ... }." },
	};
	char c = *reader->at;
	size_t i = 0;

	while (i < sizeof strays / sizeof *strays && strays[i].begins != c)
		i++;
	bool doubled = c == '{' && reader->surplus < 0;
	scan_mistake(reader, scan_here(reader), in, "%s", i < sizeof strays / sizeof *strays ? strays[i].sentence : "an option or a section begins with a letter.");
	reader->surplus += doubled;
	if (doubled || c == ',' || c == ';')
		reader->at++;
	else if (c == '{')
		scan_skip_braces(reader);
	else
		scan_skip_line(reader, in);
}

/* Behind a name. */
static void
read_named(struct reader *reader, struct section *in, const char *name, struct where where)
{
	char sign = scan_peek(reader);
	bool twofold = (sign == '+' || sign == '=') && reader->end - reader->at > 1 && reader->at[1] == '=';

	if (twofold)
		scan_mistake(reader, where, in, "%c= is not known here; write the whole of %s with =.", sign, name);
	if (twofold || sign == '=') {
		reader->at += twofold ? 2 : 1;
		read_option(reader, in, name, where);
	} else if (sign == '{' && is_list(reader)) {
		scan_mistake(reader, where, in, "= is missing after %s; write %s = { ... }.", name, name);
		read_option(reader, in, name, where);
	} else if (sign == '{') {
		read_section(reader, in, name, NULL, where);
	} else if (scan_is_quote(sign)) {
		read_titled(reader, in, name, where);
	} else {
		read_lone(reader, in, name, where);
	}
}

static void
read_item(struct reader *reader, struct section *in)
{
	const struct where where = scan_here(reader);
	const char *begins = reader->at;
	size_t length = (size_t)(scan_skip_name(reader, begins) - begins);

	if (!length) {
		read_stray(reader, in);
		return;
	}
	if (length > NAME_MOST) {
		scan_mistake(reader, where, in, "a name has %d letters at most.", NAME_MOST);
		scan_skip_line(reader, in);
		return;
	}
	char *name = arena_slice(reader->conf->arena, begins, length);
	reader->at += length;
	scan_skip_space(reader);
	if (!strcmp(name, "include"))
		read_include(reader, in, where);
	else
		read_named(reader, in, name, where);
}

/* Whole files. */

static bool
is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* What no editor shows, and what is not UTF-8, becomes ?, so that reading goes on. The first line with such is told. */
static void
clean_bytes(struct reader *reader, char *text, size_t length)
{
	char *end = text + length, *next;
	int line = 1;

	for (char *at = text; at < end; at = next + 1, line++) {
		next = memchr(at, '\n', (size_t)(end - at));
		next = next ? next : end;
		bool utf8 = text_utf8(at, (size_t)(next - at)), clean = utf8;
		for (char *c = at; c < next; c++)
			if ((is_control(*c) && !(*c == '\r' && c + 1 == next)) || (!utf8 && (unsigned char)*c >= 0x80)) {
				*c = '?';
				clean = false;
			}
		if (!clean && !reader->told) {
			reader->told = line;
			conf_mistake(reader->conf, (struct where){ reader->file, line, 1 }, NULL, utf8
				? "a character that cannot be seen stands in this line; take it out."
				: "this line is not UTF-8; save the file as UTF-8.");
		}
	}
}

static void
read_text(struct reader *reader, char *text, size_t length, struct section *into)
{
	struct conf *conf = reader->conf;
	size_t mark = length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	conf->files[conf->file_count++] = reader->file;
	clean_bytes(reader, text + mark, length - mark);
	reader->at = reader->line_begins = text + mark;
	reader->end = text + length;
	reader->line = 1;
	reader->surplus = scan_surplus(reader);
	for (read_body(reader, into); scan_more(reader); read_body(reader, into)) {
		struct where stray = scan_here(reader);
		reader->surplus--;
		reader->at++;
		if (scan_mistake(reader, stray, NULL, "this } closes nothing."))
			tree_take_back(into, stray);
	}
}

/* The first file has no place that names it. */
static void
cannot_read(struct reader *reader, const char *path, const char *why)
{
	struct where where = reader->from ? reader->where : (struct where){ path, 0, 0 };

	conf_mistake(reader->conf, where, NULL, "I cannot read %s: %s.", path, why);
}

/* Bounds and circles. A file is known by its inode, whatever it is called. */
static const char *
refusal(struct reader *reader, int descriptor)
{
	unsigned depth = 0;
	struct stat status;

	if (descriptor < 0 || fstat(descriptor, &status))
		return strerror(errno);
	if (!S_ISREG(status.st_mode))
		return "it is not a regular file";
	reader->device = status.st_dev;
	reader->inode = status.st_ino;
	for (const struct reader *from = reader->from; from; from = from->from, depth++)
		if (from->inode == reader->inode && from->device == reader->device && from->inode)
			return "it includes itself";
	if (depth > CONF_DEPTH_MOST)
		return "files include files 8 deep at most";
	if (reader->conf->file_count == CONF_FILES_MOST)
		return "it is one file too many";
	return NULL;
}

/* Up to `most` bytes; -1 and errno where it fails. */
static ssize_t
read_all(int descriptor, char *into, size_t most)
{
	size_t length = 0;
	ssize_t got = 1;

	while (length < most && got) {
		got = read(descriptor, into + length, most - length);
		if (got < 0 && errno != EINTR)
			return -1;
		length += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)length;
}

static void
read_file(struct conf *conf, const struct reader *from, struct where where, const char *path, struct section *into)
{
	struct reader reader = { .conf = conf, .from = from, .where = where, .file = arena_text(conf->arena, path) };
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = refusal(&reader, descriptor);

	if (why) {
		cannot_read(&reader, path, why);
	} else {
		char *text = memory_take(FILE_MOST + 1);
		ssize_t length = read_all(descriptor, text, FILE_MOST + 1);
		if (length < 0)
			cannot_read(&reader, path, strerror(errno));
		else if (length > FILE_MOST)
			cannot_read(&reader, path, "it is longer than 1 MiB");
		else
			read_text(&reader, text, (size_t)length, into);
		free(text);
	}
	if (descriptor >= 0)
		close(descriptor);
}

struct conf *
conf_read(const char *path)
{
	struct conf *conf = conf_new(path);

	read_file(conf, NULL, (struct where){ path, 0, 0 }, path, &conf->root);
	return conf;
}

struct conf *
conf_read_text(const char *name, const char *text, size_t length)
{
	struct conf *conf = conf_new(name);
	struct reader reader = { .conf = conf, .file = conf->root.where.file };

	if (length > FILE_MOST)
		cannot_read(&reader, name, "it is longer than 1 MiB");
	else
		read_text(&reader, arena_slice(conf->arena, text, length), length, &conf->root);
	return conf;
}
