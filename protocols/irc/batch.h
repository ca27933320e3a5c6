/* batch: what a server says together: open batches, and the messages of many lines (draft/multiline) that are in them. Pure. */
#ifndef SALLYPORT_PROTOCOLS_IRC_BATCH_H
#define SALLYPORT_PROTOCOLS_IRC_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/text.h"
#include "protocols/irc/line.h"

enum {
	BATCHES_MOST = 16,              /* open at once; then the oldest is forgotten, and what is in it is nobody's message */
	BATCH_LINES_MOST = 200,         /* of one message; longer ones are dropped */
	BATCH_BYTES_MOST = 16 * 1024,
};

struct batch {
	char ref[LINE_LABEL_MOST + 1];          /* "": not open */
	char label[LINE_LABEL_MOST + 1];        /* it answers what we said with that label; "": it answers nothing */
	uint64_t number;                /* later ones have a higher one */
	bool broken;                    /* it is not what it should be: nothing in it is heard */
	struct arena *arena;            /* of what follows; NULL: no message of many lines */
	const char *tags, *prefix, *target;     /* of the line that opened it: who said it, and where */
	const char *command;            /* of its first line; NULL: none has come */
	struct text text;
	size_t lines;
};

struct batches {
	struct batch each[BATCHES_MOST];
	uint64_t opened;
};

void batches_end(struct batches *);                     /* forgets all */
void batch_open(struct batches *, const struct irc_line *);     /* BATCH +ref type ...; one that makes no sense is not kept */
struct batch *batch_named(struct batches *, const char *ref);   /* NULL: not open, or forgotten */
struct batch *batch_of(struct batches *, const struct irc_line *);      /* the one that the line is in */
void batch_add(struct batch *, const struct irc_line *);        /* a line in it; the lines of one message must be alike */
/* Any other line: who changes nick, account or host, or leaves, while they say something of many lines, has not said it. */
void batch_mind(struct batches *, const struct irc_line *);
/* The whole message as one line, whose text holds line ends; false where it is none. It points into the batch. */
bool batch_message(const struct batch *, struct irc_line *);
void batch_close(struct batch *);

#endif
