/* sender: whether a webhook comes from whom it should. By its headers, its path and its raw bytes alone: nothing of it is read before (threats W1).
 *
 * An instance is given a secret, fingerprints of client certificates, address ranges, or several of these: then all that are given must hold.
 * The secret is shown in one of the ways that its service knows. Where nothing was given, nobody is the sender. */
#ifndef SALLYPORT_RIGHTS_SENDER_H
#define SALLYPORT_RIGHTS_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/base/range.h"

struct arrival;
struct secret;

enum sender_by {
	SENDER_END,
	SENDER_MAC,                     /* a header holds `prefix` and the HMAC of the body, keyed with the secret */
	SENDER_TOKEN,                   /* a header holds `prefix` and the secret itself */
	SENDER_BASIC,                   /* Authorization: Basic, with the option hook_user and the secret as the password */
	SENDER_PATH,                    /* the last segment of the path is the secret: URL/in/INSTANCE/SECRET */
	SENDER_FIELD,                   /* a field of the body, which is a JSON object, is the secret; only that one is looked for, and nothing is built of the rest */
};

/* A row of the table that an integration declares. */
struct sender_way {
	enum sender_by by;
	const char *header;             /* of a MAC or a token; NULL: the one of the option hook_header */
	const char *field;              /* of SENDER_FIELD: its key */
	const char *prefix;             /* "sha256=", "Bearer "; NULL: none */
	bool base64;                    /* the MAC is written so, else in hex */
	bool sha1;                      /* HMAC-SHA1: only where the vendor has nothing else */
	bool and_url;                   /* the MAC is over the body and the address behind it (Trello) */
};
/* Where the option hook_time_header names a header, that holds Unix seconds: the MAC is over it, ":" and the body, and 300 s are the most (Grafana). */

struct sender_settings {
	const struct secret *hook, *hook_old;
	struct list from, hook_certificates;
	const char *hook_user, *hook_header, *hook_time_header;
	struct ranges ranges;           /* these two are what the check made of the lists */
	const unsigned char (*fingerprints)[32];
};

/* A row of an integration's table of settings; see WEBHOOK_SETTINGS (work/webhook.h). */
#define SENDER_SETTING(of, field, name, type, about) { #name, (type), offsetof(struct of, field) + offsetof(struct sender_settings, name), NULL, (about), NULL }

bool sender_is_given(const struct sender_settings *);   /* anything to prove by */
/* Reads the lists; mistakes: a secret that can be guessed, or that no path can hold, and what does not go together. */
void sender_settings_check(struct conf *, const struct section *, struct where, const struct sender_way *, struct sender_settings *);

/* Who is in front of us, and whom we take one for. */
struct sender {
	const struct sender_way *ways;  /* ended by {0} */
	const struct sender_settings *settings;
	const struct ranges *proxies;   /* whose word counts for where something came from, and with which certificate */
	const char *certificate_header;
	const char *url, *instance;     /* it was told to send to URL/in/INSTANCE[/REST] */
	int64_t now;                    /* wall s */
};

enum { SENDER_WRITTEN = 130 };
/* The MAC as its way writes it, without the prefix. False where it cannot be made: no time, or no address. */
bool sender_mac(const struct sender *, const struct sender_way *, const struct secret *, const struct arrival *, char written[SENDER_WRITTEN]);
bool sender_proven(const struct sender *, const struct arrival *);
void sender_decoy(const struct arrival *);              /* takes as long as looking at a MAC: where there is nobody to be the sender */
/* How much of arrival->rest may be kept: all but a secret at its end. */
size_t sender_rest(const struct sender_settings *, const struct arrival *);
/* Overwrites the secrets wherever they stand in it, so that they are never kept. */
void sender_hide(const struct sender_settings *, char *bytes, size_t length);
/* The address that it came from: the peer's, or what the last proxy says that is not ours. False where that is none. */
bool sender_address(const struct ranges *proxies, const struct arrival *, unsigned char out[RANGE_ADDRESS]);

#endif
