/* rule: which commands are meant: "SERVICE.VERB KEY=PATTERN KEY!=PATTERN", as roles, approvals, confirmations and freezes write it. */
#ifndef SALLYPORT_RIGHTS_RULE_H
#define SALLYPORT_RIGHTS_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

struct arena;

/* What is known of the services, so that a rule which can never match is a mistake. `instance` and `verb` are patterns as in a rule;
 * instance NULL: any service, and ourselves; "gateway": ourselves alone. `nearest` gets what may have been meant (verb NULL: a service), or NULL. */
struct rights_world {
	bool (*instance)(void *with, const char *instance);
	bool (*verb)(void *with, const char *instance, const char *verb);
	const char *(*nearest)(void *with, const char *instance, const char *verb);
	bool (*room)(void *with, const char *room);
	bool (*link)(void *with, const char *link);
	void *with;
	/* Optional. */
	const char *(*service)(void *with, const char *instance);       /* what the instance is: "jenkins"; NULL: not known */
	bool (*caseless)(void *with, const char *link);         /* this link proves accounts in lower case, however they are written */
	bool (*held)(void *with, const char *instance, const char *verb);       /* such a verb there is that locks and freezes hold */
	bool more_people;               /* a directory names people too, who are not known yet */
};

struct named { const char *name, *value; };

/* One question. */
struct ask {
	const char *account;            /* NULL: not proven */
	const char *room;               /* NULL: in private */
	const char *instance;           /* NULL: a verb of ours */
	const char *verb;
	bool changes;
	const struct named *args;       /* resolved arguments, by name */
	size_t count;
	bool open;                      /* allowed in private, also to an account of nobody we know */
};

#define RULE_OURSELVES "gateway"        /* how a rule names our own verbs */

/* KEY=PATTERN or KEY!=PATTERN. */
struct condition {
	const char *key, *pattern;
	bool not;
};

struct rule {
	struct where where;
	const char *text;               /* as it is written */
	const char *service, *verb;     /* patterns */
	bool look;                      /* only verbs that look */
	size_t count;
	const struct condition *conditions;
};

struct rules {
	size_t count;
	struct rule *each;
};

/* Where rules are read. */
struct rule_reader {
	struct conf *conf;              /* gets the mistakes; what is read goes with its arena */
	const struct rights_world *world;
	const char *of;                 /* whose rules: role "developer" */
};

/* False where it is no rule or can never match, which was told as a mistake. */
bool rule_read(const struct rule_reader *, const char *text, struct where, struct rule *out);
bool rule_read_look(const struct rule_reader *, const char *service, struct where, struct rule *out);     /* each verb of it that only looks */
struct rules rules_read(const struct rule_reader *, const struct list *);         /* those that are none are left out */

/* Whether a rule means what is asked: not this verb; the verb, but with other arguments; all of it. */
enum fit { FIT_NONE, FIT_OTHER_ARGUMENTS, FIT_ALL };
enum fit rule_fit(const struct rule *, const struct ask *);
bool rule_means_more(const struct rule *);        /* than commands of its very verb: it is a pattern, or lock, which means unlock too */
const struct rule *rules_match(const struct rules *, const struct ask *);         /* the first that fits; NULL: none */

const char *rule_guess(struct arena *, const char *near);       /* "; did you mean NEAR?", or "." where it is NULL */

#endif
