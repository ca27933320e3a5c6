/* matrix_settings: what a section matrix "hq" { } holds. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_SETTINGS_H
#define SALLYPORT_PROTOCOLS_MATRIX_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

struct error;
struct secret;

struct matrix {
	const char *server;             /* a server name, whose .well-known names the address; or that address itself */
	const char *user;               /* @sally:corp.example */
	const struct secret *password, *token, *appservice_token;       /* one of them at least */
	const char *device;
	struct list servers;            /* whose people can be persons; none: that of `user` */
	struct list inviters;           /* @bob:corp.example, or corp.example for all of its people */
	const char *ca_file;
	bool insecure, seed, upgrades;
	int64_t poll, retry;            /* ms */
};

extern const struct setting matrix_settings[];          /* ended by {0} */
void matrix_settings_check(struct conf *, const struct section *, void *filled);

/* Where a homeserver's name begins in @user:server; NULL where it is no such id (Matrix, appendix "User Identifiers"). */
const char *matrix_user_server(const char *user);
/* Whether the people of that server can be persons. */
bool matrix_settings_believes(const struct matrix *, const char *user);
bool matrix_settings_invites(const struct matrix *, const char *user);

/* A place's channel: #alias:server, or !room. */
bool matrix_settings_place(const char *channel, struct error *);

#endif
