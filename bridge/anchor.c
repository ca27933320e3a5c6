/* anchor: the audit is signed, once a minute at least, and its checkpoints are told elsewhere. */
#include "bridge/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/bridge.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/checkpoint.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/setup.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"

enum {
	SIGN_EVERY = 60 * 1000,                 /* ms, while there are new records */
	ROOM_LEAST = 60 * 1000,
	ROOM_MOST = 7 * 24 * 3600,              /* s */
};

/* The section. */

static const struct setting settings[] = {
	SETTING(anchor_settings, file,       TYPE_PATH,   NULL, "A file to which each checkpoint is added as a line, best on a disk that the gateway cannot change."),
	SETTING(anchor_settings, key,        TYPE_SECRET, NULL, "The private Ed25519 key that signs, in PEM; none: one of its own, made in the state's folder."),
	SETTING(anchor_settings, old_key,    TYPE_SECRET, NULL, "The key before it, for the one start after a change: it vouches for the new one."),
	SETTING(anchor_settings, room,       TYPE_TEXT,   NULL, "A room where checkpoints are said, so that everybody there keeps them."),
	SETTING(anchor_settings, room_every, TYPE_SPAN,   "1h", "How often at most one is said there."),
	SETTING(anchor_settings, syslog,     TYPE_FLAG,   "no", "Whether each checkpoint goes to syslog, as auth.notice."),
	{ "where", TYPE_WHERE, offsetof(struct anchor_settings, where), NULL, NULL, NULL },
	{ 0 }
};

const struct shape anchor_shape = { "audit", sizeof(struct anchor_settings), settings,
	"Who signs the audit, and where its checkpoints are told: a log that was cut back is found only by one that is kept elsewhere.", true };

static void
check_key(struct conf *conf, const struct section *at, const struct anchor_settings *anchor, const struct secret *key, const char *option)
{
	struct error why;
	struct signing_key *read = key ? signing_read(key->bytes, key->length, &why) : NULL;

	if (key && !read)
		conf_mistake(conf, anchor->where, at, "%s: %s.", option, why.text);
	signing_free(read);
}

void
anchor_settings_check(struct conf *conf, const struct section *at, const struct anchor_settings *anchor, const struct rooms *rooms)
{
	if (anchor->room && !room_named(rooms, anchor->room))
		conf_mistake(conf, anchor->where, at, "no room is called %s.", anchor->room);
	if (anchor->room_every < ROOM_LEAST || anchor->room_every > (int64_t)ROOM_MOST * 1000)
		conf_mistake(conf, anchor->where, at, "room_every is 1m to 7d.");
	if (anchor->old_key && !anchor->key)
		conf_mistake(conf, anchor->where, at, "old_key_file stands beside a key_file, which takes its place.");
	check_key(conf, at, anchor, anchor->key, "key_file");
	check_key(conf, at, anchor, anchor->old_key, "old_key_file");
}

/* The keys. */

struct anchor {
	struct bridge *bridge;
	struct signing_key *key, *old;
	struct checkpoint_signer signer;
	struct watch *timer;
	int64_t told;                   /* the record of the last checkpoint that was told */
	int64_t room_from;              /* mono ms: before it nothing more is said in the room */
	bool file_failing;
};

static bool
read_keys(struct anchor *anchor, const char *folder, const struct anchor_settings *wanted, struct error *error)
{
	struct arena *arena = arena_new();

	anchor->key = wanted->key ? signing_read(wanted->key->bytes, wanted->key->length, error) : signing_open(arena, folder, error);
	arena_free(arena);
	if (anchor->key && wanted->old_key)
		anchor->old = signing_read(wanted->old_key->bytes, wanted->old_key->length, error);
	return anchor->key && (anchor->old || !wanted->old_key) && signing_publish(folder, signing_public_of(anchor->key), error);
}

static bool
lend(struct db *db, void *with, struct arena *arena, struct error *error)
{
	db_lend(db, *(const struct checkpoint_signer **)with);
	return audit_rekey(db, arena, error);
}

struct anchor *
anchor_open(struct bridge *bridge, struct error *error)
{
	struct anchor *anchor = memory_take(sizeof *anchor);
	struct work *work;

	anchor->bridge = bridge;
	if (!read_keys(anchor, bridge->engine.state, bridge->setup->audit, error)) {
		anchor_close(anchor);
		return NULL;
	}
	anchor->signer = (struct checkpoint_signer){ anchor->key, anchor->old };
	work = work_new(lend, sizeof(const struct checkpoint_signer *));
	*(const struct checkpoint_signer **)work_with(work) = &anchor->signer;
	store_queue(bridge->engine.store, work, NULL, NULL);
	log_info("The audit is signed by the key %s. Its public key is %s/" SIGNING_PUBLIC_FILE ": keep a copy elsewhere.",
		signing_public_of(anchor->key)->id, bridge->engine.state);
	return anchor;
}

void
anchor_close(struct anchor *anchor)
{
	if (!anchor)
		return;
	watch_free(anchor->timer);
	signing_free(anchor->key);
	signing_free(anchor->old);
	free(anchor);
}

/* Telling. */

static bool
add_to_file(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0640);
	size_t length = strlen(line);
	bool fine = fd >= 0 && write(fd, line, length) == (ssize_t)length;
	int why = errno;

	if (fd >= 0)
		close(fd);
	errno = why;
	return fine;
}

/* Its trouble is told once, not each minute. */
static void
tell_file(struct anchor *anchor, const char *path, const char *line)
{
	bool fine = add_to_file(path, line);

	if (!fine && !anchor->file_failing)
		log_error("Checkpoints of the audit cannot be added to %s: %s.", path, strerror(errno));
	if (fine && anchor->file_failing)
		log_info("Checkpoints of the audit are added to %s again.", path);
	anchor->file_failing = !fine;
}

static void
tell_room(struct anchor *anchor, struct arena *arena, const struct anchor_settings *to, const char *text)
{
	const struct room *room = room_named(&anchor->bridge->setup->rooms, to->room);
	int64_t now = clock_mono();

	if (!room || now < anchor->room_from || anchor->bridge->stopping)
		return;
	anchor->room_from = now + to->room_every;
	operators_tell_room(&anchor->bridge->talk, room, card_new(arena, TONE_PLAIN, "Audit: %s", text));
}

static void
tell(struct anchor *anchor, const struct checkpoint *checkpoint)
{
	const struct anchor_settings *to = anchor->bridge->setup->audit;
	struct arena *arena = arena_new();
	const char *text = checkpoint_text(arena, checkpoint);

	anchor->told = checkpoint->seq;
	log_debug("The audit is signed up to record %lld.", (long long)checkpoint->seq);
	if (to->file)
		tell_file(anchor, to->file, arena_printf(arena, "%s\n", text));
	if (to->syslog)
		syslog(LOG_AUTH | LOG_NOTICE, "%s", text);
	if (to->room)
		tell_room(anchor, arena, to, text);
	arena_free(arena);
}

/* Signing. */

struct signing {
	struct checkpoint newest;
	bool found;
};

static bool
sign(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct signing *signing = with;

	(void)arena;
	return audit_sign(db, error) && checkpoint_newest(db, &signing->newest, &signing->found, error);
}

static void
signed_now(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct signing *signing = work_with(work);
	struct anchor *anchor = to;

	(void)error;            /* the store has logged it */
	if (committed && signing->found && signing->newest.seq != anchor->told)
		tell(anchor, &signing->newest);
}

static void
sign_all(struct anchor *anchor)
{
	store_queue(anchor->bridge->engine.store, work_new(sign, sizeof(struct signing)), signed_now, anchor);
}

static void
due(void *with, int events)
{
	struct anchor *anchor = with;

	(void)events;
	sign_all(anchor);
	watch_after(anchor->timer, SIGN_EVERY);
}

void
anchor_begin(struct anchor *anchor)
{
	anchor->timer = loop_timer(anchor->bridge->engine.loop, due, anchor);
	due(anchor, 0);
}

void
anchor_end(struct anchor *anchor)
{
	sign_all(anchor);
}
