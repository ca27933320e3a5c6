/* matrix_rooms: the rooms of one homeserver that we know of: those of the configuration, and those where somebody talks to us alone. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_MATRIX_ROOMS_H
#define SALLYPORT_PROTOCOLS_MATRIX_MATRIX_ROOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Freed by matrix_rooms_free(). */
struct matrix_room {
	struct matrix_room *next;
	char *name;                     /* as a room's place has it: #ops:corp.example; NULL: of no place */
	char *id;                       /* !x1:corp.example; NULL: its alias was not resolved yet */
	bool in;                        /* we have joined */
	bool encrypted, told_encrypted;
	int64_t members;                /* joined or invited, with us; 0: not known */
	bool direct;                    /* somebody invited us to talk to us alone, or we them */
	char *with;                     /* whom we opened it for; NULL */
	char *replaced_by;              /* it was upgraded into that one; NULL */
	char why[200];                  /* why we are not in it */
	int64_t try_at, pause;          /* mono ms: when to try to join it again, and how long to wait after that */
};

struct matrix_rooms {
	struct matrix_room *first;
	size_t count;
};

/* One for each of the configuration's channels (ended by NULL). Those that are not among them any more lose their name. */
void matrix_rooms_name(struct matrix_rooms *, const char *const *channels);
void matrix_rooms_free(struct matrix_rooms *);
struct matrix_room *matrix_rooms_find(const struct matrix_rooms *, const char *id);
struct matrix_room *matrix_rooms_named(const struct matrix_rooms *, const char *name);
struct matrix_room *matrix_rooms_with(const struct matrix_rooms *, const char *user);     /* the private one with them that we are in */
struct matrix_room *matrix_rooms_get(struct matrix_rooms *, const char *id);              /* found or made */
void matrix_room_is(struct matrix_room *, const char *id);                                /* it was resolved */
/* Somebody talks to us alone there. */
bool matrix_room_private(const struct matrix_room *);
void matrix_room_with(struct matrix_room *, const char *user);  /* whom we are alone with there */

#endif
