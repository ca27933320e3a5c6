/* webhook: what an integration says of the webhooks that its service sends to URL/in/INSTANCE, and how it answers for one that came.
 *
 * One that is proven (rights/sender) is committed and answered; then look() says what it means, and that is said in the rooms of its instance, in
 * one transaction with its end. A crash in between runs it again: at most three times. */
#ifndef SALLYPORT_WORK_WEBHOOK_H
#define SALLYPORT_WORK_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/rule.h"
#include "bridge/rights/sender.h"

struct arena;
struct card;
struct error;
struct instance;
struct json_object;
struct talk;
struct task;

/* In the struct that an integration's settings fill, with two rows: WEBHOOK_SETTINGS(acme, webhook), */
struct webhook_settings {
	struct sender_settings sender;
	struct list rooms;
};

#define WEBHOOK_SETTINGS(of, field) \
	SENDER_SETTING(of, field.sender, from,              TYPE_LIST,   "Addresses or ranges that its webhooks must come from, as in 10.2.0.0/16."), \
	SENDER_SETTING(of, field.sender, hook,              TYPE_SECRET, "A file with the secret that its webhooks are proven with."), \
	SENDER_SETTING(of, field.sender, hook_certificates, TYPE_LIST,   "SHA-256 fingerprints of client certificates, one of which a proxy must have seen."), \
	SENDER_SETTING(of, field.sender, hook_old,          TYPE_SECRET, "The secret before, while both count."), \
	{ "rooms", TYPE_LIST, offsetof(struct of, field) + offsetof(struct webhook_settings, rooms), NULL, "Where it is told; else in the rooms that have it among their services.", NULL }
/* For who signs with a header of the user's choice (SENDER_MAC without a header), and for SENDER_BASIC. */
#define WEBHOOK_HEADER_SETTINGS(of, field) \
	SENDER_SETTING(of, field.sender, hook_header,       TYPE_TEXT,   "The header with the signature, as the sender was told."), \
	SENDER_SETTING(of, field.sender, hook_time_header,  TYPE_TEXT,   "The header with the time of the signature, where the sender has one.")
#define WEBHOOK_USER_SETTING(of, field) \
	SENDER_SETTING(of, field.sender, hook_user,         TYPE_TEXT,   "The user of basic authentication, whose password is in hook_file.")

/* A delivery: what came, read from its row. */
struct received {
	int64_t id;                     /* of the row, for ever */
	const struct talk *talk;        /* NULL: somebody only tries what a body would say (sallyport hooks try) */
	const struct instance *instance;
	const char *rest;               /* of the path behind URL/in/INSTANCE/; without a secret; "" */
	const struct named *headers;    /* those of webhook->keep that were there */
	size_t header_count;
	const char *type;               /* application/json: in small letters, without parameters; "" */
	const char *body;               /* ended by NUL */
	size_t length;
	int64_t arrived;                /* wall ms */
	unsigned tries;                 /* that failed before */
	bool *hopeless;                 /* set by received_refuse() */
};

/* What is to be said of it. */
struct told {
	struct card *card;              /* NULL: nothing */
	const char *room;               /* NULL: in each room of the instance */
	char letter;                    /* 'D': the card is that of a living thing, drawn once and edited from then on; 0: it is said and done */
	const char *subject;            /* what the sender knows the thing by; not "" where there is a letter */
};

/* What the sender hears. Literals, or in the arena. */
struct webhook_answer {
	unsigned status;                /* 0: 200 */
	const char *type, *text;        /* NULL: nothing but the status */
};

struct webhook {
	const struct sender_way *ways;  /* how its sender shows the secret; ended by {0} */
	size_t settings;                /* offsetof(struct acme, webhook) */
	const char *id;                 /* the header that names a delivery: the same name within 7 days is one; NULL: none has */
	bool once;                      /* where it has no name, equal bytes within 10 minutes are one */
	const char *const *keep;        /* headers that are wanted later, ended by NULL; never one that proves; NULL: none */
	bool optional;                  /* without a secret, an address or a certificate it is closed; else that is a mistake */
	struct webhook_answer answer;   /* when it was committed */
	/* Where the answer depends on what came. Asked before it is committed; pure. False: it is not taken, and the answer says why. NULL: `answer`. */
	bool (*hear)(struct arena *, const struct received *, struct webhook_answer *out);

	/* What it means: at most `most` things to say. Changes nothing. May wait (a helper). */
	bool (*look)(struct task *, const struct received *, struct told *out, size_t most, size_t *count);
	/* Where more is to be done than to say that; NULL: it is not. It ends with received_done(), or with a work of its own that has inbox_done() in it. */
	bool (*run)(struct task *, const struct received *);
};
/* Where look() or run() fail with a sentence, they are called again later, three times in all; then it is dead, and listed with the sentence. */
enum { TOLD_MOST = 64 };

const char *received_header(const struct received *, const char *name);         /* NULL: it was not there, or is not kept */
const void *received_conf(const struct received *);     /* the instance's settings */
/* The body as JSON: as it is; of a form its field `payload`, else an object of its fields. NULL with a sentence. */
struct json_object *received_json(struct arena *, const struct received *, struct error *);
/* It will never be understood: no further try. Always false. */
bool received_refuse(struct task *, const struct received *, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Commits its end, and what is said of it. Waits; false with the task's error. */
bool received_done(struct task *, const struct received *, const struct told *, size_t count);

#endif
