/* reload: the configuration read anew while the gateway runs. */
#include "bridge/reload.h"

#include <stdio.h>
#include <string.h>

#include "bridge/anchor.h"
#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/bridge.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/seal.h"
#include "bridge/run/hook.h"
#include "bridge/run/store.h"
#include "bridge/service_manager.h"
#include "bridge/setup.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/warnings.h"
#include "bridge/work/people_directory.h"
#include "integrations/kinds/alerts.h"

enum { SUMMARY_MOST = 2000, LINES_MOST = 8 };

struct audited {
	const char *what, *result;
};

static bool
write_reload(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct audited *audited = with;
	struct audit_entry row = { .what = audited->what, .result = audited->result };

	(void)arena;
	return audit_write(db, &row, error);
}

static void
audit(struct bridge *bridge, const char *what, const char *result)
{
	struct work *work = work_new(write_reload, sizeof(struct audited));

	*(struct audited *)work_with(work) = (struct audited){ arena_text(work_arena(work), what), arena_text(work_arena(work), result) };
	store_queue(bridge->engine.store, work, NULL, NULL);
}

/* -- Not taken ------------------------------------------------------------------------------------------------------- */

static void
refuse(struct bridge *bridge, const struct setup *setup, struct arena *arena)
{
	size_t count = conf_mistakes(setup->conf);
	const char *inforce = clock_time(arena, bridge->setup->read, clock_wall());
	struct card *card = card_new(arena, TONE_BAD, "The configuration was not taken: %zu mistake%s. The one of %s stays in force", count,
		text_s(count), inforce);

	for (size_t i = 0; i < count; i++) {
		log_error("%s", conf_mistake_at(setup->conf, i));
		if (i < LINES_MOST)
			card_line(card, "%s", conf_mistake_at(setup->conf, i));
	}
	log_error("%s.", card->headline);
	snprintf(bridge->refused, sizeof bridge->refused, "%s", text_cut(arena, conf_mistake_at(setup->conf, 0), sizeof bridge->refused - 1));
	bridge->refused_at = setup->read;
	audit(bridge, "reload refused", conf_mistake_at(setup->conf, 0));
	operators_tell(&bridge->talk, card, NULL);
}

/* -- Taken ------------------------------------------------------------------------------------------------------------ */

struct changes {
	struct text all;
	struct card *card;
	size_t count;
};

static void
note(const char *sentence, void *with)
{
	struct changes *changes = with;

	log_info("%s.", sentence);
	text_printf(&changes->all, "%s%s", changes->count++ ? "; " : "", sentence);
	if (changes->count <= LINES_MOST)
		card_line(changes->card, "%s", sentence);
}

static bool
key_changed(const struct secret *before, const struct secret *after)
{
	return !before != !after || (before && strcmp(before->bytes, after->bytes) != 0);
}

/* Those few that a running gateway cannot change. */
static void
note_for_later(struct bridge *bridge, const struct setup *before, const struct setup *after, struct changes *changes)
{
	const char *zone = before->gateway.timezone ? before->gateway.timezone : "", *new_zone = after->gateway.timezone ? after->gateway.timezone : "";

	if (strcmp(bridge->engine.state, after->gateway.state))
		note("state takes effect at the next start", changes);
	if (key_changed(before->audit->key, after->audit->key))
		note("the key of the audit takes effect at the next start", changes);
	if (strcmp(zone, new_zone))
		note("timezone takes effect at the next start", changes);
	if (!seal_same(before->secrets.key, after->secrets.key))
		note("the key of secrets takes effect at the next start; what was sealed with the other one cannot be read then", changes);
}

static void
listen_anew(struct bridge *bridge, struct changes *changes)
{
	struct error error;

	if (hook_listen(bridge->hook, bridge->setup->hooks, &error))
		return;
	log_error("%s hooks are served as before.", error.text);
	card_line(changes->card, "%s hooks are served as before", error.text);
}

static void
take(struct bridge *bridge, struct setup *setup, struct arena *arena)
{
	struct setup *before = bridge->setup;
	struct changes changes = { .all = text_in(arena, SUMMARY_MOST), .card = card_new(arena, TONE_PLAIN, "The configuration was read anew") };

	conf_differences(before->conf, setup->conf, note, &changes);
	note_for_later(bridge, before, setup, &changes);
	if (!changes.count)
		note("nothing has changed", &changes);
	bridge->refused[0] = '\0';
	/* The links still read what was in force until they are pointed elsewhere. */
	struct snapshot *old = bridge->talk.snapshot;
	snapshot_hold(old);
	bridge_point_to(bridge, setup);
	links_renew(&bridge->links, before);
	alerts_begin(&bridge->talk);
	snapshot_release(old);
	gateway_open_log(&setup->gateway);
	warnings_log(setup);
	listen_anew(bridge, &changes);
	directory_renew(bridge->talk.directory);
	audit(bridge, "reloaded", changes.all.bytes);
	operators_tell(&bridge->talk, changes.card, NULL);
}

void
bridge_reload(struct bridge *bridge)
{
	struct arena *arena = arena_new();

	manager_reloading();
	log_info("Reading %s anew.", bridge->setup->path);
	struct setup *setup = setup_read(bridge->setup->path);
	if (conf_mistakes(setup->conf)) {
		refuse(bridge, setup, arena);
		setup_free(setup);
	} else {
		take(bridge, setup, arena);
	}
	manager_ready();
	arena_free(arena);
}
