/* ci: what a CI system can do. A driver fills struct ci; the verbs, words, cards and following are here, once for all.
 *
 * Each function may wait. Each fails with a sentence in the task's error. Everything they return is in the task's arena. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_CI_H
#define SALLYPORT_INTEGRATIONS_KINDS_CI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/role.h"
#include "bridge/work/command.h"

struct follows;
struct pattern;
struct talk;
struct task;

enum build_state { BUILD_UNKNOWN, BUILD_QUEUED, BUILD_RUNNING, BUILD_PASSED, BUILD_FAILED, BUILD_STOPPED };

/* One build. The token is what the driver finds it by, for ever: stored, at most 500 bytes. */
struct build {
	const char *token;
	enum build_state state;
	const char *job;
	const char *number;             /* "412"; NULL: it has none (yet) */
	const char *url;                /* for people; NULL: none */
	const char *step;               /* what it does now, or where it failed; NULL */
	unsigned step_number, steps;    /* 3 of 5; 0: not known */
	const char *last;               /* its last line of output; NULL */
	const char *why;                /* of UNKNOWN: a sentence; of FAILED: a few words, "exit 1"; NULL */
	const char *stopped_by;         /* of STOPPED: who asked for it, where the service tells; NULL */
	int64_t started, ended;         /* wall ms; 0: not yet, or not known */
	int64_t expected;               /* how long it should take, ms; 0: not known */
	unsigned before;                /* queued: how many wait before it */
	const struct named *parameters;       /* it was built with, ended by {0}; NULL: not known */
};

/* A parameter of a job. */
struct job_param {
	const char *name, *about;
	bool required;
	const char *fallback;           /* NULL: none */
	const char *const *choices;     /* ended by NULL; NULL: any */
	const struct pattern *pattern;  /* NULL: any */
	const char *pattern_text;       /* for the sentence */
	bool dash;                      /* may begin with - */
};

struct job {
	const char *name;
	const char *about;              /* NULL: nothing known */
	const struct job_param *params; /* ended by {0} */
	bool strict;                    /* other parameters are refused; else they are passed on */
};

struct ci_request {
	const void *conf;               /* the driver's settings */
	const char *job;
	const struct named *parameters; /* checked against the job, defaults filled in; ended by {0} */
	const char *label;              /* B31: what people call it here; NULL in a rehearsal */
	const char *key;                /* of this request alone: hand it to the service so that find() can find it */
	const char *by;                 /* who asked, for people who look at the service: "alice (corp/alice in ops)" */
};

struct ci_log {
	const char *text;               /* the end of it; may be cut at its beginning */
	size_t length;
	size_t lines;                   /* how many there are in all; 0: not known */
	const char *url;                /* NULL: none */
};

enum found { FOUND_IT, FOUND_NONE, FOUND_UNCLEAR };

struct ci {
	bool (*describe)(struct task *, const void *conf, const char *name, struct job *out);      /* false: "Buildbot has no job called x." */
	bool (*start)(struct task *, const struct ci_request *, struct build *out);                /* queued or running */
	bool (*find)(struct task *, const struct ci_request *, struct build *out, enum found *);   /* whether a request with this key was started */
	bool (*look)(struct task *, const void *conf, struct build *inout);                        /* by token: state, number, url, times */
	bool (*log)(struct task *, const void *conf, const struct build *, size_t lines, struct ci_log *out);  /* of the failing step where one failed */
	bool (*stop)(struct task *, const void *conf, const struct build *, const char *by);       /* asks for it: looking tells when it has ended */
	bool (*again)(struct task *, const struct ci_request *, const struct build *, struct build *out);      /* with the parameters it had */
	bool (*list)(struct task *, const void *conf, const char *const **names);                  /* jobs it may start, ended by NULL */
	bool (*latest)(struct task *, const void *conf, const char *job, struct build *out, size_t most, size_t *count);      /* the newest first */
	const char *shown;              /* the service as people call it in a sentence: "Buildbot", "the runner" */
	int64_t first_look_ms;          /* how soon after the start it is worth looking: the next looks come later and later */
};

extern const struct command ci_commands[];

/* Registers the followers of builds and watched jobs. Called by bridge.c, once. */
void ci_follow(struct follows *, const struct talk *);

#endif
