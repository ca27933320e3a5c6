/* console_editor: a line typed at a terminal, with libedit. */
#include "config.h"

#include "bridge/cli/console_editor.h"

#ifdef HAVE_LIBEDIT

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"

enum { REMEMBERED = 500, COLUMNS = 76 };

struct editor {
	EditLine *line;
	History *history;
	char *file;                     /* of the history; NULL: none */
	struct editor_events events;
	void *with;
	bool typing;                    /* a line is on the screen */
};

static struct editor *
of(EditLine *line)
{
	void *data = NULL;

	el_get(line, EL_CLIENTDATA, &data);
	return data;
}

static char *
prompt(EditLine *line)
{
	const struct editor *editor = of(line);

	return (char *)(uintptr_t)editor->events.prompt(editor->with);
}

/* One byte of UTF-8 after another, as the terminal gives them. */
static int
read_character(EditLine *line, wchar_t *out)
{
	struct editor *editor = of(line);
	mbstate_t state = { 0 };

	for (;;) {
		char byte;
		if (!editor->events.wait(editor->with))
			return 0;
		ssize_t got = read(STDIN_FILENO, &byte, 1);
		if (got <= 0)
			return (int)got;
		size_t length = mbrtowc(out, &byte, 1, &state);
		if (length == (size_t)-2)
			continue;
		if (length == (size_t)-1) {
			memset(&state, 0, sizeof state);
			continue;               /* no character of this terminal's */
		}
		return 1;
	}
}

/* -- Completion ------------------------------------------------------------------------------------------------------- */

/* The words that begin so: how many, and how much they have in common. */
struct fitting {
	struct text list;
	const char *first;
	size_t common, count;
};

static size_t
in_common(const char *one, const char *other, size_t most)
{
	size_t length = 0;

	while (length < most && one[length] && one[length] == other[length])
		length++;
	return length;
}

static struct fitting
find(struct arena *arena, char *words, const char *begun, size_t length)
{
	struct fitting fitting = { .list = text_in(arena, 64 * 1024) };

	for (char *rest = words, *word; (word = strsep(&rest, "\n"));) {
		if (!*word || strncmp(word, begun, length))
			continue;
		text_printf(&fitting.list, "%s%s", fitting.count ? "  " : "", word);
		fitting.common = fitting.count++ ? in_common(fitting.first, word, fitting.common) : strlen(word);
		fitting.first = fitting.first ? fitting.first : word;
	}
	return fitting;
}

/* In lines of whole words, above the line that is typed. */
static void
show_fitting(struct editor *editor, const char *list)
{
	editor_hide(editor);
	for (const char *at = list; *at;) {
		size_t length = strlen(at) > COLUMNS ? COLUMNS : strlen(at);
		while (length == COLUMNS && length > 1 && at[length] != ' ')
			length--;
		printf("%.*s\n", (int)length, at);
		at += length;
		at += strspn(at, " ");
	}
	fflush(stdout);
	editor_show(editor);
}

static unsigned char
complete(EditLine *line, int key)
{
	struct editor *editor = of(line);
	const LineInfo *info = el_line(line);
	const char *begin = info->cursor;
	char *words = editor->events.words(editor->with);
	unsigned char done = CC_ERROR;

	(void)key;
	while (begin > info->buffer && begin[-1] != ' ')
		begin--;
	/* The prefix is no part of the verb. */
	begin += begin < info->cursor && *begin == '!';
	size_t length = (size_t)(info->cursor - begin);
	struct arena *arena = arena_new();
	struct fitting fitting = words ? find(arena, words, begin, length) : (struct fitting){ 0 };
	if (fitting.count) {
		char *rest = arena_printf(arena, "%.*s%s", (int)fitting.common, fitting.first, fitting.count == 1 ? " " : "");
		el_deletestr(line, (int)length);
		el_insertstr(line, rest);
		done = CC_REFRESH;
		if (fitting.count > 1 && fitting.common == length)
			show_fitting(editor, fitting.list.bytes);
	}
	arena_free(arena);
	free(words);
	return done;
}

/* Ctrl-C takes the line away, and leaves where there is none. It is no signal here: that would leave the terminal as we have set it. */
static unsigned char
interrupt(EditLine *line, int key)
{
	const LineInfo *info = el_line(line);

	(void)key;
	if (info->lastchar == info->buffer)
		return CC_EOF;
	el_cursor(line, (int)(info->lastchar - info->cursor));
	el_deletestr(line, (int)(info->lastchar - info->buffer));
	return CC_REFRESH;
}

/* -- Its life --------------------------------------------------------------------------------------------------------- */

static void
open_history(struct editor *editor, const char *file)
{
	HistEvent event;

	editor->history = history_init();
	history(editor->history, &event, H_SETSIZE, REMEMBERED);
	history(editor->history, &event, H_SETUNIQUE, 1);
	el_set(editor->line, EL_HIST, history, editor->history);
	if (!file)
		return;
	editor->file = memory_text(file);
	history(editor->history, &event, H_LOAD, file);
}

/* What is typed is UTF-8 to us, also where nobody has said so. */
static void
use_utf8(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}

struct editor *
editor_open(const struct editor_events *events, void *with, const char *file)
{
	struct editor *editor = memory_take(sizeof *editor);

	use_utf8();
	editor->events = *events;
	editor->with = with;
	editor->line = el_init("sallyport", stdin, stdout, stderr);
	if (!editor->line) {
		free(editor);
		return NULL;
	}
	el_set(editor->line, EL_CLIENTDATA, editor);
	el_set(editor->line, EL_SIGNAL, 0);
	el_set(editor->line, EL_EDITOR, "emacs");
	el_set(editor->line, EL_PROMPT, prompt);
	el_set(editor->line, EL_GETCFN, read_character);
	el_set(editor->line, EL_ADDFN, "sallyport-complete", "Completes a verb, a service or an id", complete);
	el_set(editor->line, EL_ADDFN, "sallyport-interrupt", "Takes the line away, or leaves", interrupt);
	el_set(editor->line, EL_SETTY, "-d", "-isig", NULL);
	el_set(editor->line, EL_BIND, "^C", "sallyport-interrupt", NULL);
	el_set(editor->line, EL_BIND, "^I", "sallyport-complete", NULL);
	el_set(editor->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
	open_history(editor, file);
	return editor;
}

void
editor_close(struct editor *editor)
{
	HistEvent event;

	if (!editor)
		return;
	if (editor->file) {
		mode_t before = umask(077);
		history(editor->history, &event, H_SAVE, editor->file);
		umask(before);
	}
	history_end(editor->history);
	el_end(editor->line);
	free(editor->file);
	free(editor);
}

const char *
editor_line(struct editor *editor, size_t *length)
{
	HistEvent event;
	int count = 0;

	/* Before the prompt is seen: what is typed at once must not be echoed twice, nor Ctrl-C be a signal. */
	el_set(editor->line, EL_PREP_TERM, 1);
	editor->typing = true;
	const char *line = el_gets(editor->line, &count);
	editor->typing = false;
	if (!line || count <= 0)
		return NULL;
	*length = (size_t)count;
	if (line[strspn(line, " \r\n")])
		history(editor->history, &event, H_ENTER, line);
	return line;
}

void
editor_hide(struct editor *editor)
{
	if (editor->typing)
		fputs("\r\033[K", stdout);
}

void
editor_show(struct editor *editor)
{
	if (editor->typing)
		el_set(editor->line, EL_REFRESH);
}

#else

struct editor *
editor_open(const struct editor_events *events, void *with, const char *history)
{
	(void)events;
	(void)with;
	(void)history;
	return NULL;
}

void editor_close(struct editor *editor) { (void)editor; }
const char *editor_line(struct editor *editor, size_t *length) { (void)editor; (void)length; return NULL; }
void editor_hide(struct editor *editor) { (void)editor; }
void editor_show(struct editor *editor) { (void)editor; }

#endif
