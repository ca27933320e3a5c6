/* draw: a card as Matrix shows it (client-server API, m.room.message): formatted_body of a fixed set of tags, and body, which is that without them. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_DRAW_H
#define SALLYPORT_PROTOCOLS_MATRIX_DRAW_H

#include <stddef.h>

struct arena;
struct card;
struct mirrored;

struct drawing { const char *body, *html; };            /* html NULL: body says it all */

/* `prefix`: what begins that which is to be typed. `lines`: the most of one answer, 0: 10. `to`: the user id of whom the card addresses, NULL: not
 * known. Both together are at most 28 KiB as JSON. */
struct drawing draw_card(struct arena *, const struct card *, const char *prefix, size_t lines, const char *to);
/* The short one for who asked: the sentence and what is short, on one line. */
struct drawing draw_ring(struct arena *, const struct card *, const char *prefix, const char *to);

/* What somebody said elsewhere, with their name before it. */
struct drawing draw_talk(struct arena *, const struct mirrored *);

#endif
