/* line: one line of IRC: taken apart, and put together. Nowhere else is one put together (threats O1). */
#ifndef SALLYPORT_PROTOCOLS_IRC_LINE_H
#define SALLYPORT_PROTOCOLS_IRC_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINE_MOST = 512,                /* of one line as others see it, CR LF and our prefix included */
	LINE_MOST_EVER = 8192,          /* the same where a server allows more (LINELEN) */
	LINE_LABEL_MOST = 64,           /* of a label, or of the reference of a batch */
	LINE_TAGS_OURS = 200,           /* of the tags that we put before a line */
	LINE_TAGS_MOST = 8191,          /* of a server's tags */
	LINE_HEARD_MOST = 16 * 1024,    /* of a line that is read at all */
	LINE_PARAMS = 15,
	LINE_LIBRARY_MOST = 1021,       /* a longer one, or an eleventh parameter, is not for libircclient */
	LINE_LIBRARY_PARAMS = 10,
};

/* Points into the bytes that were read. */
struct irc_line {
	const char *tags;               /* without the @; NULL: none */
	const char *prefix;             /* NULL: none */
	const char *command;            /* PRIVMSG, 001 */
	const char *params[LINE_PARAMS];
	size_t count;
	bool action;                    /* its text was a CTCP ACTION, and is unwrapped */
};

/* Takes `bytes` apart in place; they are without the line end, and bytes[length] may be written. False for what is no line: empty,
 * NUL or CR in it, tags that are too long, a command that is neither letters nor 001 to 999. */
bool line_read(char *bytes, size_t length, struct irc_line *);
const char *line_param(const struct irc_line *, size_t i);      /* "" where there is none */
const char *line_last(const struct irc_line *);                 /* "" where there is none */
/* The value of a tag, unescaped once; the last one counts. A client's tags (+account) have another name and are never found.
 * False where there is none, or where it has not room. */
bool line_tag(const struct irc_line *, const char *name, char *value, size_t size);
bool line_tagged(const struct irc_line *, const char *name);   /* whatever its value is */
bool line_time(const char *tag, int64_t *wall);                 /* of server-time: 2026-11-23T14:02:10.000Z */

/* Puts one together, CR LF at its end. `prefix`: bytes that the server will put before it, so that all of it fits. False, and
 * nothing is written, where a word holds CR or LF, a word but the last is empty, holds a blank or begins with a colon, or where it is too long. */
struct written {
	size_t length;
	char bytes[LINE_TAGS_OURS + LINE_MOST_EVER + 1];
};
bool line_write(struct written *, size_t prefix, const char *command, const char *const *params, size_t count);
/* PRIVMSG and its like. False, too, where the text is not line_is_said(). */
bool line_say(struct written *, size_t prefix, const char *command, const char *target, const char *text);

/* The same with what else the server may be told of a line. Labels and references are of A-Z a-z 0-9 . _ and -. */
struct line_frame {
	size_t prefix;
	size_t most;                    /* what the server allows; 0: LINE_MOST */
	const char *label;              /* comes back with the answer; NULL: none */
	const char *batch;              /* the open batch that it is in; NULL: none */
	bool joined;                    /* goes on where the line before it in its batch ended */
};
bool line_write_framed(struct written *, const struct line_frame *, const char *command, const char *const *params, size_t count);
bool line_is_word(const char *);                /* could be a parameter that is not the last */
bool line_is_label(const char *);
/* Could be the text of a PRIVMSG or NOTICE of ours: of control characters only the codes of colour and formatting are in it, and the two around
 * a CTCP ACTION. */
bool line_is_said(const char *);
void line_copy(struct written *, const struct written *);      /* only what is written of it */

/* The same line in the one shape that libircclient reads safely: a prefix (`server` where it has none), a known command with all
 * the parameters it needs, no tags, CR LF. False: not for the library. Unwraps an ACTION; drops all other CTCP. */
bool line_for_library(struct irc_line *, const char *server, char out[LINE_LIBRARY_MOST + 3], size_t *length);

#endif
