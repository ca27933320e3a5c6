/* alerts: what a system that alerts can do. A driver fills struct alerts; the verbs, words, cards, rooms and following are here, once for all.
 *
 * Each function may wait. Each fails with a sentence in the task's error. Everything they return is in the task's arena. What they
 * return of foreign text need not be clean, nor short. Where a driver leaves a function out, the verb is not offered for it. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/rights/role.h"
#include "bridge/work/command.h"
#include "bridge/work/webhook.h"

struct arena;
struct follows;
struct tables;
struct talk;
struct task;

/* How bad it is. Services have words of their own for it: alerts_severity() knows the usual ones. */
enum severity { SEVERITY_NONE, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_CRITICAL };
const char *alerts_severity_word(enum severity);        /* "critical"; "" for SEVERITY_NONE */
enum severity alerts_severity(const char *word);        /* critical P1 disaster ... in any case; SEVERITY_NONE where it is no such word, or NULL */

/* One alert: one thing that is wrong in one place. */
struct alert {
	const char *id;                 /* what the service knows it by, for ever: a fingerprint, an event's number; at most 200 bytes */
	const struct named *labels;     /* ended by {0}; NULL: none */
	const char *text;               /* what is wrong, in a few words: "93% full, 4 h left"; NULL */
	enum severity severity;
	bool over;                      /* it fires no more */
	bool held;                      /* silenced, inhibited or in a downtime: it fires and nobody is told */
	const char *silence;            /* the service's id of the silence that holds it; NULL: none, or not known */
	int64_t since, ended;           /* wall ms; 0: not known */
};

/* Somebody is on it, or said so. */
struct alert_ack {
	const char *by;                 /* NULL: nobody */
	const char *why;                /* NULL: not said */
	int64_t at, until;              /* wall ms; until 0: until it is over */
};

/* A group: what the service tells as one thing. In chat it is one living thing, A7. */
struct alert_group {
	const char *key;                /* what it is known by for ever: stored; longer than 500 bytes it is hashed */
	const char *also;               /* another name of the same, where one way in knows no key; NULL: none */
	const char *name;               /* what is wrong: DiskWillFill */
	const char *object;             /* where: db1:/var; NULL: made of the labels */
	enum severity severity;         /* SEVERITY_NONE: the worst of its alerts */
	const struct named *labels;     /* what all its alerts have; ended by {0}; NULL: none */
	const struct alert *alerts;     /* may be none: then `over` tells */
	size_t count;
	size_t omitted;                 /* alerts that it has and that are not told here */
	bool over;                      /* where there are no alerts: it fires no more */
	bool fresh;                     /* a delivery will tell of it in a moment, in the time its service takes to gather: nothing is made of it yet */
	bool brief;                     /* only its key and what became of it is told: its words stay, and nothing is made of one that we do not know */
	struct alert_ack ack;           /* as the service knows it; by NULL: nobody */
	bool ack_known;                 /* `ack` is the truth, also where it says nobody; else ours is kept */
	const char *text;               /* NULL: that of its first alert */
	const char *url;                /* for people: a graph, a dashboard; NULL */
	const char *runbook;            /* NULL */
	int64_t since;                  /* wall ms; 0: the earliest of its alerts, or now */
};

struct matcher {
	const char *name, *value;
	bool negative;                  /* != and !~ */
	bool regex;                     /* =~ and !~; the whole value has to fit */
};

struct silence {
	const char *id;                 /* the service's; it may be another one after a change */
	const struct matcher *matchers; /* ended by {0} */
	int64_t starts, ends;           /* wall ms */
	const char *by, *why;
	const char *label;              /* S9: what people call it here; NULL: it was not made here, or is not known yet */
	bool over;
};

/* Something is asked for about a group. */
struct alert_asked {
	const void *conf;               /* the driver's settings */
	const struct alert_group *group;        /* as it was told last: its key, labels and the ids of its alerts that fire */
	const char *by;                 /* for people who look at the service: "bob (corp/bob in ops)" */
	const char *text;               /* the reason, the comment; "" where none was given */
	int64_t from, until;            /* wall ms; until 0: without an end */
	const char *key;                /* of this request alone */
};

struct alerts {
	/* All groups that fire, held or not. A group whose row we have and that is not among them is over. NULL: nobody can be asked. */
	bool (*groups)(struct task *, const void *conf, struct alert_group **out, size_t *count);
	bool (*ack)(struct task *, const struct alert_asked *);         /* NULL: it has no acknowledgement, so ours is kept and said to be ours */
	bool (*unack)(struct task *, const struct alert_asked *);
	bool (*comment)(struct task *, const struct alert_asked *);     /* NULL: kept here */
	bool (*downtime)(struct task *, const struct alert_asked *);
	bool (*close)(struct task *, const struct alert_asked *);       /* says to the service that it is over; NULL: nothing can, but where nobody can be asked it is taken for over */
	/* Makes it, or changes the one with that id; sets the id that it has now. */
	bool (*silence)(struct task *, const void *conf, struct silence *inout);
	bool (*unsilence)(struct task *, const void *conf, const struct silence *);
	bool (*silences)(struct task *, const void *conf, struct silence **out, size_t *count);       /* that hold, or will */
	const char *shown;              /* the service as people call it in a sentence: "Alertmanager" */
	size_t options;                 /* offsetof(struct my_settings, alerts): where its struct alerts_options is */
};

/* What is the same in the settings of every driver: `struct alerts_options alerts;` in its struct, and one of the macros below in its table. */
struct alerts_options {
	struct webhook_settings webhook;        /* with the rooms that hear of its alerts where no route says otherwise */
	struct sections routes;
	int64_t every, remind, storm;
	const char *watchdog;
	int64_t watchdog_within;
};
extern const struct shape alert_route_shape;

#define ALERTS_SETTING(of, field, type, fallback, about, shape) \
	{ #field, (type), offsetof(struct of, alerts.field), (fallback), (about), (shape) }
/* For a driver whose service sends webhooks; its struct webhook has .settings = offsetof(struct mine, alerts.webhook). */
#define ALERTS_SETTINGS(of) WEBHOOK_SETTINGS(of, alerts.webhook), ALERTS_COMMON_SETTINGS(of)
/* For one that is asked alone. */
#define ALERTS_ASKED_SETTINGS(of) \
	{ "rooms", TYPE_LIST, offsetof(struct of, alerts.webhook.rooms), NULL, "Where it is told; else in the rooms that have it among their services.", NULL }, \
	ALERTS_COMMON_SETTINGS(of)
#define ALERTS_COMMON_SETTINGS(of) \
	ALERTS_SETTING(of, every, TYPE_SPAN, "30s", "How often it is looked whether all is as we know it.", NULL), \
	ALERTS_SETTING(of, remind, TYPE_SPAN, NULL, "How long nobody may be on something that fires, before that is said again; not written: it is not.", NULL), \
	{ "route", TYPE_SECTIONS, offsetof(struct of, alerts.routes), NULL, "Alerts that go to rooms of their own.", &alert_route_shape }, \
	ALERTS_SETTING(of, storm, TYPE_NUMBER, "100", "So many new alerts within a minute are told as one line with a count; 0: never.", NULL), \
	ALERTS_SETTING(of, watchdog, TYPE_TEXT, NULL, "The name of an alert that always fires: the rooms hear when it comes no more, and of nothing else about it.", NULL), \
	ALERTS_SETTING(of, watchdog_within, TYPE_SPAN, "5m", "How long it may stay away.", NULL)

/* What a delivery told, or a stream. Compares it with what is known, and commits in one transaction what has changed and what is said of it. */
struct instance;
bool alerts_arrived(struct task *, const struct talk *, const struct instance *, const struct alert_group *groups, size_t count);
/* The same, from the run() of a struct webhook: the delivery's end is in that transaction. */
bool alerts_received(struct task *, const struct received *, const struct alert_group *groups, size_t count);

/* Their rows. */
extern const struct tables alert_tables, alert_silence_tables, alert_want_tables, alert_storm_tables, alert_quiet_tables, alert_watchdog_tables;

/* The verbs that this driver can carry out; they go with the arena. */
const struct command *alerts_commands(struct arena *, const struct alerts *);
/* Registers what follows the instances. Called by bridge.c, once. */
void alerts_follow(struct follows *, const struct talk *);
void alerts_begin(const struct talk *);         /* at the start, and with a new configuration */

#endif
