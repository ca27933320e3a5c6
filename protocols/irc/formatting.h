/* formatting: bold, italic and the like with the codes of IRC: read, and written. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_FORMATTING_H
#define SALLYPORT_PROTOCOLS_IRC_FORMATTING_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct styled;

/* The text of a PRIVMSG or NOTICE, perhaps of many lines. `emote`: it was a CTCP ACTION that somebody has unwrapped; one that is not is
 * unwrapped here. NULL: other CTCP, which is no talk. Colours and reverse are left out. */
struct styled *formatting_read(struct arena *, const char *text, size_t length, bool emote);

struct formatting {
	const char *who;                /* said it, cleaned: "<carol> " before each line, "* carol " of an emote; NULL: it is ours, and an emote is a CTCP ACTION */
	size_t width;                   /* bytes of a line, all in all; 80 or more */
	size_t lines;                   /* the most */
	bool codes;                     /* the formatting, too; else only the words */
};

struct formatted {
	size_t count;
	size_t left;                    /* bytes of words for which there were no lines */
	const char **each;              /* each stands for itself: what it opens it closes */
};
/* A link is "words <address>". Of control characters only the codes are in it, and those around an ACTION: line_is_said(). */
struct formatted formatting_write(struct arena *, const struct styled *, const struct formatting *);

#endif
