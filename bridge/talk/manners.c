/* manners: how often whom is answered: strangers once a minute in a place, nobody more than a few commands at once. */
#include "bridge/talk/manners.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/log.h"
#include "bridge/talk/message.h"

enum {
	AT_ONCE = 64,                   /* commands of one account */
	PLACES = 64,                    /* places whose last answer to a stranger is remembered */
	AUDITED = 120,                  /* commands of strangers in a minute */
	MINUTE = 60 * 1000,
};

struct busy {
	struct busy *next;
	char *who;
	unsigned count;
};

struct answered {
	char *place;
	int64_t when;
};

struct manners {
	struct busy *busy;
	struct answered answered[PLACES];
	int64_t minute;                 /* when it began; 0: none did */
	unsigned strangers;             /* their commands in this minute */
};

struct manners *
manners_new(void)
{
	return memory_take(sizeof(struct manners));
}

void
manners_free(struct manners *manners)
{
	if (!manners)
		return;
	while (manners->busy) {
		struct busy *busy = manners->busy;
		manners->busy = busy->next;
		free(busy->who);
		free(busy);
	}
	for (size_t i = 0; i < PLACES; i++)
		free(manners->answered[i].place);
	free(manners);
}

/* The place's slot, or else the one that is oldest: when more places than slots are busy, strangers get less, never more. */
static struct answered *
slot(struct manners *manners, const char *place, bool *known)
{
	struct answered *oldest = &manners->answered[0];

	for (size_t i = 0; i < PLACES; i++) {
		struct answered *one = &manners->answered[i];
		if ((*known = one->place && !strcmp(one->place, place)))
			return one;
		if (!one->place || (oldest->place && one->when < oldest->when))
			oldest = one;
	}
	return oldest;
}

bool
manners_stranger(struct manners *manners, const struct place *place, int64_t mono)
{
	struct arena *arena = arena_new();
	const char *text = place_text(arena, place);
	bool known, may;
	struct answered *one = slot(manners, text, &known);

	may = !one->place || mono - one->when >= MINUTE;
	if (may) {
		if (!known) {
			free(one->place);
			one->place = memory_text(text);
		}
		one->when = mono;
	}
	arena_free(arena);
	return may;
}

bool
manners_audited(struct manners *manners, int64_t mono)
{
	if (!manners->minute || mono - manners->minute >= MINUTE) {
		if (manners->strangers > AUDITED)
			log_warning("%u commands of strangers were not audited: more than %d came in a minute.", manners->strangers - AUDITED, AUDITED);
		manners->minute = mono;
		manners->strangers = 0;
	}
	return ++manners->strangers <= AUDITED;
}

static struct busy **
find(struct manners *manners, const char *who)
{
	struct busy **at = &manners->busy;

	while (*at && strcmp((*at)->who, who))
		at = &(*at)->next;
	return at;
}

bool
manners_begin(struct manners *manners, const char *who)
{
	struct busy **at = find(manners, who);

	if (!*at) {
		*at = memory_take(sizeof **at);
		(*at)->who = memory_text(who);
	}
	if ((*at)->count >= AT_ONCE)
		return false;
	(*at)->count++;
	return true;
}

void
manners_end(struct manners *manners, const char *who)
{
	struct busy **at = find(manners, who), *busy = *at;

	if (!busy || --busy->count)
		return;
	*at = busy->next;
	free(busy->who);
	free(busy);
}

bool
manners_busy(const struct manners *manners, const char *who)
{
	for (const struct busy *busy = manners->busy; busy; busy = busy->next)
		if (!who || !strcmp(busy->who, who))
			return true;
	return false;
}
