/* console_editor: a line typed at a terminal, with libedit: history, completion, and what the gateway says meanwhile above it. */
#ifndef SALLYPORT_CLI_CONSOLE_EDITOR_H
#define SALLYPORT_CLI_CONSOLE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct editor;

struct editor_events {
	const char *(*prompt)(void *with);
	/* Waits until standard input can be read, and takes meanwhile what comes from elsewhere. False: no more is to be typed. */
	bool (*wait)(void *with);
	/* What may be typed, one a line, for free(); NULL: nothing is known. */
	char *(*words)(void *with);
};

/* NULL where the terminal cannot be edited on, or it was built without libedit: then lines come as the terminal gives them. `history` is the file
 * that what was typed is kept in (NULL: it is not). */
struct editor *editor_open(const struct editor_events *, void *with, const char *history);
void editor_close(struct editor *);             /* the terminal is as it was; NULL is fine */

const char *editor_line(struct editor *, size_t *length);       /* with its line end; NULL: there is none any more. Borrowed until the next. */
/* Around something that is shown while a line is typed: takes the line away, and shows it again. */
void editor_hide(struct editor *);
void editor_show(struct editor *);

#endif
