/* command: from words to a command: what verbs there are, and how a line is read. */
#ifndef SALLYPORT_WORK_COMMAND_H
#define SALLYPORT_WORK_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"
#include "bridge/rights/role.h"

struct arena;
struct error;
struct request;
struct webhook;

/* Does it only look, change something outside, or decide upon what somebody asked for? Who decides is proven like who changes something, needs
 * no rule of their own, and the handler writes the audit. */
enum care { CARE_LOOK, CARE_CHANGE, CARE_DECIDE };

struct param {
	const char *name;               /* as the help writes it, in capitals: JOB; people may write it in any case */
	bool required;
	bool rest;                      /* takes the rest of the line, without quotes */
};

struct command {
	const char *verb;
	enum care care;
	char letter;                    /* 'B': carrying it out makes a living thing with such an id; 0: none */
	const char *usage;              /* behind the verb: "JOB [KEY=VALUE ...]" */
	const char *about;              /* "starts a build and follows it" */
	const char *sign;               /* a reaction to the thing's message that means this verb; NULL: none */
	const char *example;            /* would work: "build web target=staging" */
	struct param params[6];
	bool more;                      /* takes KEY=VALUE beside its params */
	bool always;                    /* CARE_CHANGE, and allowed during a pause */
	bool calms;                     /* CARE_CHANGE, and no lock or freeze holds it: it ends something, or changes only what is told */
	bool decides;                   /* of use only where something waits for a yes */
	bool alone;                     /* of use in private: the help of a room does not name it */
	bool elevates;                  /* of use only where a role may be taken for a while */
	bool same;                      /* answers everybody alike, whoever asks */
	bool certain;                   /* CARE_LOOK, but who asks must be proven as well as for a change */
	const char *const *only;        /* of two rows of a verb the first: where one of these words (ended by NULL) follows it. NULL: always */
	bool open;                      /* in private also for an account of nobody we know, as long as it is proven */
	bool guarded;                   /* CARE_LOOK, and yet for those alone whom a rule names it to */
	/* Where several services of a room have the verb: whether this one knows what the words name. It may wait. NULL: it cannot tell. */
	bool (*suits)(struct request *);
	/* What exactly would be done: checks, fills in defaults with request_set(). It may wait, and changes nothing. NULL: the
	 * words say it all. Its result is stored, shown, decided upon; run() parses nothing again. */
	bool (*resolve)(struct request *);
	bool (*run)(struct request *);  /* carries out what was resolved; answers with request_reply() */
	/* After a crash between asking and hearing: looks whether it happened; request_settle() says what was found. It may wait, and
	 * changes nothing. NULL: nobody can know. */
	bool (*settle)(struct request *);
};

bool command_held(const struct command *);      /* whether a lock or a freeze holds it */
bool command_strangers(const struct command *);         /* whether the configuration may open it to people who are not proven */

/* The verbs of one kind (ci) or of one integration, and what drives them. */
struct command_set {
	const char *kind;               /* "ci"; the integration's name for verbs of its own */
	const struct command *commands; /* ended by {0} */
	const void *driver;             /* the kind's table of functions: const struct ci * */
};

/* One configured service. */
struct instance {
	const char *name;
	const char *service;            /* the integration: "buildbot" */
	const void *conf;
	const char *url;                /* for `status`; NULL: it has none */
	struct where where;
	const struct command_set *sets; /* ended by {0} */
	const struct webhook *webhook;  /* NULL: its service sends us nothing, or may not yet */
};

struct alias {                          /* filled by alias_shape */
	const char *name;
	struct where where;
	const char *is;                 /* "deploy web prod version=$1"; $1 to $9, $* */
	struct list in;
};
extern const struct shape alias_shape;

/* Words of a line; of several lines those of the first: what follows is said to people. A quote opens at the beginning of a word or behind
 * its first =, so that don't is a word; there is no escaping. Typographic quotes and no-break spaces count as plain ones. */
struct words {
	size_t count;
	const char **each;              /* unquoted */
	const char **at;                /* where each begins in `line`, quotes included */
	const char *line;               /* the plain line */
};
/* False with a sentence for a quote that is never closed (it names the word) and for more than 64 words. */
bool words_read(struct arena *, const char *line, struct words *, struct error *);

/* What follows the prefix, or our name with : or , behind it, or in private the line itself; NULL: it is not for us. */
const char *command_addressed(const char *text, const char *prefix, const char *name, bool direct);
/* The line to read in place of one that begins with the alias; the room is the caller's business. $1 to $9 are the words behind it, $* all
 * of them as they were written. Words that no $ takes go to the end, options always, so that --dry-run is never lost. */
char *alias_expand(struct arena *, const struct alias *, const struct words *);

/* Whether the rules treat it as what changes something: only a rule that names it allows it. */
bool command_needs_rule(const struct command *);
/* In any case: telephones like to begin with a capital. `commands` ends with {0}. */
const struct command *command_find(const struct command *commands, const char *verb);
/* Gives the words behind the verb their names: positional ones in order; KEY=VALUE to the param of that name, or to `more`. Nothing may be
 * given twice. --dry-run sets *dry. False with a sentence that shows the usage. `out` has room for 64. */
bool command_bind(struct arena *, const struct command *, const struct words *, size_t from,
	struct named *out, size_t *count, bool *dry, struct error *);

#endif
