/* request: a command being carried out: who asked what of which service, and the answers. */
#ifndef SALLYPORT_WORK_REQUEST_H
#define SALLYPORT_WORK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/run/task.h"
#include "bridge/talk/message.h"
#include "bridge/work/command.h"

struct card;
struct follow;
struct label;
struct room;
struct talk;

/* Read its fields, write none. */
struct request {
	struct task *task;
	const struct talk *talk;
	const struct instance *instance;        /* NULL for a verb of ours */
	const struct command *command;
	const char *kind;                       /* "ci"; NULL for a verb of ours */
	const void *driver;                     /* the kind's functions: const struct ci * */
	struct speaker from;
	const struct person *person;            /* NULL: a stranger */
	struct place place;
	const struct room *room;                /* NULL: in private */
	const char *key;                        /* of this request alone, for ever: 26 characters; give it to the service, so that it can be found again */
	const char *label;                      /* B31, once it is being carried out and the command has a letter */
	const char *line;                       /* what was typed, without the prefix */

	struct named args[64];
	size_t count;
	size_t typed;                           /* how many of them people wrote; those behind are what resolve() filled in */
	struct request_private *own;
};

const char *request_param(const struct request *, const char *name);        /* NULL where it is not there */
void request_set(struct request *, const char *name, const char *value);    /* from resolve(): what is not there yet, or in its place */
bool request_is_param(const struct request *, const char *name);            /* one of the command's own, not KEY=VALUE */
const void *request_conf(const struct request *);                           /* the service's settings */

/* From resolve(): what it would do, for who is asked for a yes: "this silences 97 alerts now". */
void request_foresee(struct request *, const char *sentence);
bool request_waited(const struct request *);            /* from run(): it waited for a yes, and its own message asked for that */

/* An answer. A command that looks says it at once; one that changes has it written with its outcome.
 * request_reply() is always true, so that a handler can end with it. */
bool request_reply(struct request *, struct card *);
/* Says it at once, whatever the command is. People we do not know wait behind all others. */
void request_say(const struct request *, const struct card *);
void request_tell(struct request *, struct card *);            /* the same, addressed to who asked */

const char *request_code(const struct request *);       /* the six digits of a one-time code that was said with it; NULL: none */
void request_take_away(const struct request *);         /* the message that asked, where the chat lets us */
struct place request_alone(const struct request *);     /* where who asked hears something alone */

bool request_takes_files(const struct request *);       /* whether a card with `file` could be shown where it was asked */

/* From run() of a command with a letter: what the thing is known by, and that it is looked at until it ends. */
void request_subject(struct request *, const char *subject);
void request_follow(struct request *, const char *kind, const char *token, int64_t look_in_ms, int64_t give_up_in_ms);

/* From settle(): what the looking found. */
enum settled { SETTLED_DONE, SETTLED_NEVER, SETTLED_UNKNOWN };
bool request_settle(struct request *, enum settled, struct card *);         /* always true */

/* What was asked for when the thing of that name was made: its resolved arguments; false with a sentence where nobody knows. It waits. */
bool request_asked(struct request *, const char *label, struct named *out, size_t most, size_t *count);

/* The living thing that a word names (B31), of this instance and kind. False with a sentence where there is none. */
bool request_label(struct request *, const char *word, const char *kind, struct label *out);

#endif
