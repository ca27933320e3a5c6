/* bridge: the running gateway: opens everything in order, closes it in reverse; what is heard comes in here. */
#include "config.h"

#include "bridge/bridge.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "bridge/anchor.h"
#include "bridge/ask_hooks.h"
#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/clock_watch.h"
#include "bridge/files_route.h"
#include "bridge/health_route.h"
#include "bridge/inbox_route.h"
#include "bridge/metrics_route.h"
#include "bridge/reload.h"
#include "bridge/report.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/checkpoint.h"
#include "bridge/rights/role.h"
#include "bridge/rights/seal.h"
#include "bridge/run/follow.h"
#include "bridge/run/hook.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/process.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/service_manager.h"
#include "bridge/setup.h"
#include "bridge/spool.h"
#include "bridge/talk/card.h"
#include "bridge/talk/circles.h"
#include "bridge/talk/comings.h"
#include "bridge/talk/files.h"
#include "bridge/talk/label.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/relay.h"
#include "bridge/talk/room.h"
#include "bridge/warnings.h"
#include "bridge/words.h"
#include "bridge/work/approval.h"
#include "bridge/work/approval_end.h"
#include "bridge/work/approved.h"
#include "bridge/work/code.h"
#include "bridge/work/elevation.h"
#include "bridge/work/frozen.h"
#include "bridge/work/hearing.h"
#include "bridge/work/inbox.h"
#include "bridge/work/intent.h"
#include "bridge/work/lock.h"
#include "bridge/work/lock_rows.h"
#include "bridge/work/more.h"
#include "bridge/work/pair_code.h"
#include "bridge/work/paired.h"
#include "bridge/work/pause.h"
#include "bridge/work/people.h"
#include "bridge/work/people_directory.h"
#include "bridge/work/record.h"
#include "bridge/work/resume.h"
#include "bridge/work/withdrawn.h"
#include "integrations/kinds/alerts.h"
#include "integrations/kinds/ci.h"

enum {
	TASKS_MOST = 25000,             /* and the reserve; two mappings each; vm.max_map_count allows about 32,000 */
	DRAIN = 3000,                   /* ms that commands may take to end when we are stopped */
	DRAIN_LOOK = 50,
	DROPPED_TOLD_EVERY = 60 * 1000, /* ms */
	ANSWER_MOST = 32 << 20,         /* bytes of one answer to a question */
};

const struct tables *const bridge_tables[] = {
	&audit_tables, &checkpoint_tables, &message_tables, &intent_tables, &label_tables, &follow_tables, &outbox_tables, &pause_tables, &files_tables,
	&approval_tables, &code_tables, &lock_tables, &account_tables, &elevation_tables, &directory_tables, &inbox_tables, &alert_tables, &alert_silence_tables,
	&alert_want_tables, &alert_storm_tables, &alert_quiet_tables, &alert_watchdog_tables, NULL
};

/* What is served over HTTP. */
static const struct hook_route *const routes[] = { &files_route, &inbox_route, &inbox_put_route, &inbox_look_route, &health_route, &metrics_route, NULL };

/* What carries the outbox. */

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	*done = (struct delivered){ 0 };
	return links_deliver(task, &((struct bridge *)with)->links, delivery, done);
}

static bool
ready(const char *name, void *with)
{
	const struct link *link = links_find(&((struct bridge *)with)->links, name);

	return link && link->state == LINK_UP;
}

static unsigned
can(const char *name, void *with)
{
	const struct link *link = links_find(&((struct bridge *)with)->links, name);

	if (!link)
		return 0;
	return link->protocol->can | (link->protocol->offers && link->protocol->offers(link) ? CAN_OFFER : 0);
}

static bool
narrow(const char *name, void *with)
{
	const struct link *link = links_find(&((struct bridge *)with)->links, name);

	return link && link->protocol->narrow && link->protocol->narrow(link);
}

static bool
gone(struct task *task, const struct place *place, const char *account, void *with)
{
	return links_gone(task, &((struct bridge *)with)->links, place, account);
}

/* Somebody waits for what was never said, so the operators hear of it, once a minute. */
static void
dropped(const struct place *place, const char *why, void *with)
{
	struct bridge *bridge = with;
	struct arena *arena = arena_new();
	const char *where = place_text(arena, place);

	log_error("A message for %s was dropped: %s", where, why);
	if (clock_mono() >= bridge->tell_dropped_from) {
		bridge->tell_dropped_from = clock_mono() + DROPPED_TOLD_EVERY;
		operators_tell(&bridge->talk, card_new(arena, TONE_BAD, "a message for %s was dropped: %s", where, why), place->link);
	}
	arena_free(arena);
}

/* The way in. */

/* What is written of what was heard at once: the commands that may change something, and how far the link was heard. */
struct keeping {
	size_t count;
	struct kept { size_t which; struct message message; int64_t event; } *each;     /* `which`: of those that were heard */
	size_t relayed;
	struct relaying **relaying;     /* what is told in other places, too */
	const char *link, *cursor;
};

static bool
keep(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct keeping *keeping = with;

	for (size_t i = 0; i < keeping->count; i++)
		if (!message_keep(db, &keeping->each[i].message, &keeping->each[i].event, error))
			return false;
	for (size_t i = 0; i < keeping->relayed; i++)
		if (!relay_write(db, arena, keeping->relaying[i], error))
			return false;
	return !keeping->cursor || message_cursor(db, keeping->link, keeping->cursor, error);
}

static void
message_into(struct arena *arena, const struct message *from, struct message *to)
{
	*to = (struct message){ .kind = from->kind, .place = place_copy(arena, &from->place), .id = arena_text(arena, from->id),
		.on = arena_text(arena, from->on), .text = arena_text(arena, from->text), .meant = from->meant, .aside = from->aside, .direct = from->direct, .said = from->said, .heard = from->heard,
		.from = { .account = arena_text(arena, from->from.account), .shown = arena_text(arena, from->from.shown),
			.alone = arena_text(arena, from->from.alone),
			.proof = arena_text(arena, from->from.proof), .proven = from->from.proven } };
}

/* Who asked hears that nothing was done: the protocols do not know which lines are commands. */
static void
not_taken(struct task *task, struct bridge *bridge, const struct message *message, const char *why)
{
	struct card *card = card_new(task->arena, TONE_BAD, "refused: %s", why);

	card->to = message->direct ? NULL : message->from.shown;
	card->whom = message->from.account;
	outbox_say(bridge->talk.outbox, &message->place, message->id, card);
}

/* What only looks is not kept, so it costs no commit. */
static bool
is_kept(struct bridge *bridge, const struct message *message)
{
	return hearing_ours(&bridge->talk, message) && hearing_changes(&bridge->talk, message);
}

static struct work *
to_keep(struct bridge *bridge, const struct link *link, const struct message *messages, size_t count, const char *cursor)
{
	struct work *work = work_new(keep, sizeof(struct keeping));
	struct keeping *keeping = work_with(work);
	struct arena *arena = work_arena(work);

	keeping->link = arena_text(arena, link->name);
	keeping->cursor = arena_text(arena, cursor);
	keeping->each = arena_take(arena, (count + 1) * sizeof *keeping->each);
	keeping->relaying = arena_take(arena, (count + 1) * sizeof *keeping->relaying);
	for (size_t i = 0; i < count; i++) {
		if (relay_wants(&bridge->talk, &messages[i]))
			keeping->relaying[keeping->relayed++] = relay_make(&bridge->talk, arena, &messages[i], link->protocol->shown,
				hearing_ours(&bridge->talk, &messages[i]));
		if (!is_kept(bridge, &messages[i]))
			continue;
		keeping->each[keeping->count].which = i;
		message_into(arena, &messages[i], &keeping->each[keeping->count++].message);
	}
	return work;
}

/* Who may hear the same again from a server that repeats is told nothing yet. */
static bool
not_kept(struct task *task, struct bridge *bridge, const struct message *messages, const struct keeping *keeping)
{
	for (size_t i = 0; i < keeping->count && !keeping->cursor; i++)
		not_taken(task, bridge, &messages[keeping->each[i].which],
			task_text(task, "I cannot keep what I am asked for, so nothing was done: %s", task->error.text));
	return false;
}

/* In the order in which they were said. One that was kept before is not carried out again; what is kept while we are being stopped is
 * carried out after the next start. */
static void
take_all(struct bridge *bridge, const struct message *messages, size_t count, const struct keeping *keeping, const char *chat)
{
	for (size_t i = 0, next = 0; i < count; i++) {
		int64_t event = 0;
		if (messages[i].kind == MESSAGE_TAKEN_BACK) {
			approval_taken_back(&bridge->talk, &messages[i]);
			withdrawn_take(&bridge->talk, &messages[i]);
		}
		if (messages[i].kind >= MESSAGE_CAME)
			comings_take(bridge->talk.comings, &messages[i], chat);
		bool kept = next < keeping->count && keeping->each[next].which == i;
		if (kept)
			event = keeping->each[next++].event;
		if (hearing_misplaced(&bridge->talk, &messages[i]) || (hearing_ours(&bridge->talk, &messages[i]) && (!kept || (event && !bridge->cancelled))))
			hearing_take(&bridge->talk, &messages[i], event);
	}
}

/* Whoever asks in our last moments is told, while there is somebody to tell it. */
static bool
refuse_all(struct task *task, struct bridge *bridge, const struct message *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct speaker *from = &messages[i].from;
		if (hearing_ours(&bridge->talk, &messages[i]) && from->proven && rights_person(bridge->talk.rights, from->account))
			not_taken(task, bridge, &messages[i], "I am being stopped, so nothing was done; ask again in a moment");
	}
	return task_fail(task, "I am being stopped.");
}

/* A sign that people put on a message of ours means a command about the thing that it shows. */
static void
read_sign(struct task *task, struct bridge *bridge, struct message *message)
{
	const char *verb = hearing_sign(&bridge->talk, message), *label;

	if (!verb || !outbox_shows(task, &message->place, message->on, &label) || !label)
		return;
	message->meant = true;
	message->text = task_text(task, "%s%s %s", bridge->talk.prefix, verb, label);
}

/* Another gateway or bridge that tells in a room what we tell there too would make each line of both go round for ever. */
static bool
goes_in_circles(struct bridge *bridge, const struct message *message)
{
	const struct room *room = message->kind == MESSAGE_SAID && relay_wants(&bridge->talk, message) ? room_of(bridge->talk.rooms, &message->place) : NULL;
	enum circle circle = room ? circles_look(bridge->talk.circles, room->name, message, clock_mono()) : CIRCLE_NONE;

	if (circle == CIRCLE_NOTICED) {
		struct arena *arena = arena_new();
		const char *where = place_text(arena, &message->place);
		log_warning("%s in %s tells what is told there already, so what they tell of others is not told elsewhere.", message->from.shown, where);
		operators_tell(&bridge->talk, card_new(arena, TONE_WAITING, "%s tells in %s what I tell there, as another gateway or bridge would. What they tell of others"
			" I tell nowhere any more, until they have been silent about that for an hour", message->from.shown, where), NULL);
		arena_free(arena);
	}
	return circle != CIRCLE_NONE;
}

/* As they are understood. Whatever is told elsewhere has a name, also where its chat gives none. */
static const struct message *
understood(struct task *task, struct bridge *bridge, const struct message *messages, size_t count)
{
	struct message *all = arena_take(task->arena, (count + 1) * sizeof *all);

	for (size_t i = 0; i < count; i++) {
		all[i] = messages[i];
		if (all[i].kind == MESSAGE_REACTED)
			read_sign(task, bridge, &all[i]);
		all[i].stays = hearing_code(&bridge->talk, &all[i]) || goes_in_circles(bridge, &all[i]);
		if (all[i].id)
			continue;
		char *id = arena_take(task->arena, ULID_LENGTH + 1);
		ulid_make(id);
		all[i].id = id;
	}
	return all;
}

static bool
hear_all(struct task *task, struct link *link, const struct message *heard, size_t count, const char *cursor)
{
	struct bridge *bridge = link->bridge;
	const struct message *messages = understood(task, bridge, heard, count);
	struct keeping nothing = { 0 }, *keeping = &nothing;
	bool keeps = cursor;

	for (size_t i = 0; i < count && !keeps; i++)
		keeps = is_kept(bridge, &messages[i]) || relay_wants(&bridge->talk, &messages[i]);
	if (keeps) {
		struct work *work = to_keep(bridge, link, messages, count, cursor);
		keeping = work_with(work);
		if (!store_commit(task, work))
			return not_kept(task, bridge, messages, keeping);
		if (keeping->relayed)
			outbox_kick(bridge->talk.outbox);
	}
	take_all(bridge, messages, count, keeping, link->protocol->shown);
	return true;
}

bool
bridge_hear(struct task *task, struct link *link, const struct message *messages, size_t count, const char *cursor)
{
	struct arena *before = task_turn(task);
	bool fine;

	link_heard(link);
	if (link->bridge->stopping)
		fine = refuse_all(task, link->bridge, messages, count);
	else
		fine = hear_all(task, link, messages, count, cursor);
	task_turn_end(task, before);
	return fine;
}

static bool
read_cursor(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct keeping *keeping = with;

	return message_cursor_read(db, arena, keeping->link, &keeping->cursor, error);
}

bool
bridge_heard_to(struct task *task, struct link *link, const char **cursor)
{
	struct work *work = work_new(read_cursor, sizeof(struct keeping));
	struct keeping *keeping = work_with(work);

	keeping->link = arena_text(work_arena(work), link->name);
	if (!store_commit(task, work))
		return false;
	*cursor = arena_text(task->arena, keeping->cursor);
	return true;
}

enum proof
bridge_wants_proof(const struct link *link, const struct message *message)
{
	return hearing_wants_proof(&link->bridge->talk, message);
}

bool
bridge_wants_comings(const struct link *link, const char *channel)
{
	return comings_wanted(&link->bridge->talk, &(struct place){ link->name, channel, NULL });
}

bool
bridge_working(struct bridge *bridge, const char *account)
{
	return manners_busy(bridge->talk.manners, account);
}

bool
bridge_busy(struct bridge *bridge, const struct place *place, const char *account)
{
	return manners_busy(bridge->talk.manners, account) || outbox_busy(bridge->talk.outbox, place) || follows_count(bridge->talk.follows, "build") > 0;
}

/* Questions that are no talk. */

struct questioning {
	const char **words;
	struct text out;
	int code;
};

static bool
answer_audit(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct questioning *questioning = with;

	questioning->out = text_in(arena, ANSWER_MOST);
	return report_audit(db, (const char *const *)questioning->words, arena, &questioning->out, &questioning->code, error);
}

static bool
ask_audit(struct task *task, const char *const *words, char **answer, int *exit_code)
{
	size_t count = 0;

	while (words[count])
		count++;
	struct work *work = work_new(answer_audit, sizeof(struct questioning));
	struct questioning *questioning = work_with(work);
	questioning->words = arena_take(work_arena(work), (count + 1) * sizeof *questioning->words);
	for (size_t i = 0; i < count; i++)
		questioning->words[i] = arena_text(work_arena(work), words[i]);
	if (!store_commit(task, work))
		return false;
	*answer = questioning->out.bytes;
	*exit_code = questioning->code;
	return true;
}

/* The audit names everybody, and what services send is not for all eyes either. */
static bool
runs_us(struct task *task, const char *what, unsigned uid, char **answer, int *exit_code)
{
	if (uid == 0 || uid == geteuid())
		return true;
	*answer = task_text(task, "refused: the %s for root and for the user that runs the gateway.\n", *what == 'a' ? "audit is" : "hooks are");
	*exit_code = 1;
	return false;
}

bool
bridge_answer(struct task *task, struct bridge *bridge, const char *const *words, unsigned uid, const char *account,
	char **answer, int *exit_code)
{
	struct text out = text_in(task->arena, ANSWER_MOST);

	*exit_code = EX_OK;
	if (words[0] && (!strcmp(words[0], "audit") || !strcmp(words[0], "hooks"))) {
		if (!runs_us(task, words[0], uid, answer, exit_code))
			return true;
		return *words[0] == 'a' ? ask_audit(task, words + 1, answer, exit_code) : ask_hooks(task, bridge, words + 1, account, answer, exit_code);
	}
	if (words[0] && !strcmp(words[0], "status"))
		report_status(bridge, task->arena, words[1] && !strcmp(words[1], "--json"), &out);
	else if (words[0] && !strcmp(words[0], "words")) {
		if (!words_list(task, bridge, account, &out))
			return false;
	} else {
		text_add(&out, "I can be asked for status, audit and hooks.\n");
		*exit_code = EX_USAGE;
	}
	*answer = redact_text(task->arena, out.bytes);
	return true;
}

/* Starting: what an earlier life left is taken up before anything new is heard. */

struct left {
	struct bridge *bridge;
	struct arena *arena;
	struct { int64_t event; struct message message; } messages[256];
	size_t message_count;
	struct intent intents[256];
	size_t intent_count;
};

static void
left_message(int64_t event, const struct message *message, void *with)
{
	struct left *left = with;

	if (left->message_count == sizeof left->messages / sizeof *left->messages)
		return;
	left->messages[left->message_count].event = event;
	message_into(left->arena, message, &left->messages[left->message_count++].message);
}

static void
left_intent(const struct intent *intent, void *with)
{
	struct left *left = with;

	if (left->intent_count == sizeof left->intents / sizeof *left->intents)
		return;
	left->intents[left->intent_count++] = *intent;
}

static bool
read_left(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct left *left = with;

	left->arena = arena;
	return intent_unfinished(db, arena, left_intent, left, error) && message_pending(db, arena, left_message, left, error);
}

static bool
write_life(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	struct audit_entry row = { .what = *(const char **)with, .result = PACKAGE_VERSION };
	return audit_write(db, &row, error);
}

static void
audit_life(struct bridge *bridge, const char *what)
{
	struct work *work = work_new(write_life, sizeof(const char *));

	*(const char **)work_with(work) = what;
	store_queue(bridge->engine.store, work, NULL, NULL);
}

/* Where the link is not configured any more, nobody could be answered. */
static void
take_left(struct bridge *bridge, const struct message *message, int64_t event)
{
	if (links_find(&bridge->links, message->place.link)) {
		hearing_take(&bridge->talk, message, event);
		return;
	}
	log_warning("A command of %s on %s is not carried out: no link is called so any more.", message->from.shown, message->place.link);
	record_done(&bridge->talk, event);
}

/* What others had approved, but had not begun, is begun now. */
static void
take_intent(struct bridge *bridge, const struct intent *intent)
{
	if (!strcmp(intent->state, "ready"))
		approved_run(&bridge->talk, intent->id);
	else
		resume_intent(&bridge->talk, intent);
}

struct beginning {
	struct bridge *bridge;
	void (*ready)(void *);
	void *with;
};

static void
begin(struct task *task, void *with)
{
	struct beginning *beginning = with;
	struct bridge *bridge = beginning->bridge;
	struct work *work = work_new(read_left, sizeof(struct left));
	struct left *left = work_with(work);

	audit_life(bridge, "started");
	if (!store_commit(task, work))
		log_error("What was left open could not be read: %s", task->error.text);
	if (!pause_load(task, bridge->talk.pause))
		log_error("Whether everything is paused could not be read: %s", task->error.text);
	if (!locks_load(task, bridge->talk.locks))
		log_error("What is locked could not be read: %s", task->error.text);
	if (!people_load(task, bridge->talk.people))
		log_error("Which accounts people have paired, and which roles for a while, could not be read: %s", task->error.text);
	if (!approvals_load(task, &bridge->talk))
		log_error("What waits for approval could not be read: %s", task->error.text);
	if (bridge->stopping)
		return;
	for (size_t i = 0; i < left->intent_count; i++)
		take_intent(bridge, &left->intents[i]);
	for (size_t i = 0; i < left->message_count; i++)
		take_left(bridge, &left->messages[i].message, left->messages[i].event);
	outbox_begin(bridge->talk.outbox);
	follows_begin(bridge->talk.follows);
	alerts_begin(&bridge->talk);
	locks_begin(bridge->talk.locks);
	elevations_begin(bridge->talk.elevations);
	links_begin(&bridge->links);
	anchor_begin(bridge->anchor);
	bridge->clocks = clock_watch_open(&bridge->engine);
	inbox_begin(bridge->inbox);
	spool_begin(bridge->spool);
	bridge->begun = true;
	manager_ready();
	if (bridge->reload_wanted)
		bridge_reload(bridge);
	if (beginning->ready)
		beginning->ready(beginning->with);
}

/* Stopping: commands get a moment to end, then every wait is ended. */

static void
drain(void *with, int events)
{
	struct bridge *bridge = with;
	bool late = clock_mono() >= bridge->drain_until;

	(void)events;
	bool still = manners_busy(bridge->talk.manners, NULL) || outbox_speaking(bridge->talk.outbox);
	if (!bridge->cancelled && (late || !still)) {
		bridge->cancelled = true;
		outbox_stop(bridge->talk.outbox);
		follows_stop(bridge->talk.follows);
		inbox_stop(bridge->inbox);
		spool_stop(bridge->spool);
	}
	/* Each time: one may have begun another since. */
	if (bridge->cancelled)
		tasks_cancel_all(bridge->engine.tasks);
	if (bridge->cancelled && !tasks_count(bridge->engine.tasks))
		loop_stop(bridge->engine.loop);
	else
		watch_after(bridge->drain, DRAIN_LOOK);
}

static void
stop(void *with, int events)
{
	struct bridge *bridge = with;

	(void)events;
	if (bridge->stopping) {
		bridge->drain_until = 0;
		return;
	}
	log_info("Stopping.");
	manager_stopping();
	bridge->stopping = true;
	hook_stop(bridge->hook);
	bridge->drain_until = clock_mono() + DRAIN;
	audit_life(bridge, "stopped");
	watch_after(bridge->drain, 0);
}

/* Opening. */

static void
let_go(void *setup)
{
	setup_free(setup);
}

void
bridge_point_to(struct bridge *bridge, struct setup *setup)
{
	struct talk *talk = &bridge->talk;

	bridge->setup = setup;
	talk->guards = setup->guards;
	talk->directory_settings = setup->directory;
	talk->elevates = setup->elevates;
	talk->freezes = setup->freezes;
	talk->lock_limits = setup->lock_limits;
	talk->rooms = &setup->rooms;
	talk->instances = setup->instances;
	talk->aliases = setup->aliases;
	talk->name = setup->gateway.name;
	talk->prefix = setup->gateway.prefix;
	talk->lines = (size_t)setup->gateway.lines;
	talk->hooks_url = setup->hooks ? setup->hooks->url : NULL;
	people_configured(talk->people, setup->rights, snapshot_new(let_go, setup));
}

static void
open_talk(struct bridge *bridge)
{
	struct carriers carriers = { deliver, ready, can, dropped, bridge, narrow };

	bridge->talk = (struct talk){ .engine = &bridge->engine, .outbox = outbox_open(&bridge->engine, &carriers),
		.follows = follows_open(&bridge->engine), .manners = manners_new(), .mores = mores_new(), .pause = pause_new(),
		.seal = bridge->seal, .gateway = report_gateway, .gone = gone, .with = bridge };
	bridge->talk.people = people_open(&bridge->talk);
	bridge->talk.pairs = pairs_new();
	bridge->talk.pair_codes = pair_codes_new();
	bridge->talk.elevations = elevations_open(&bridge->talk);
	bridge->talk.directory = directory_open(&bridge->talk);
	bridge->talk.circles = circles_new();
	bridge->talk.comings = comings_open(&bridge->talk);
	bridge->talk.approvals = approvals_open(&bridge->talk, approval_over);
	bridge_point_to(bridge, bridge->setup);
	alerts_follow(bridge->talk.follows, &bridge->talk);
	ci_follow(bridge->talk.follows, &bridge->talk);
	bridge->inbox = inbox_open(&bridge->talk);
	bridge->spool = spool_open(bridge);
	bridge->frozen = frozen_open(&bridge->talk);
	bridge->talk.locks = locks_open(&bridge->talk);
}

static int
open_store(struct bridge *bridge, struct error *error)
{
	enum store_open_error why = STORE_FINE;

	bridge->engine.store = store_open(&bridge->engine, bridge->engine.state, bridge_tables, &why, error);
	return bridge->engine.store ? EX_OK : store_exit(why);
}

/* Once the store is open: the folder is there, and its lock is ours. */
static int
open_seal(struct bridge *bridge, struct error *error)
{
	bridge->seal = seal_open(bridge->setup->secrets.key, bridge->engine.state, error);
	return bridge->seal ? EX_OK : EX_OSERR;
}

static int
open_hook(struct bridge *bridge, struct error *error)
{
	bridge->metrics = metrics_new();
	bridge->hook = hook_open(&bridge->engine, routes, bridge);
	return hook_listen(bridge->hook, bridge->setup->hooks, error) ? EX_OK : EX_OSERR;
}

static int
open_engine(struct bridge *bridge, struct error *error)
{
	bridge->state = memory_text(bridge->setup->gateway.state);
	bridge->engine.state = bridge->state;
	bridge->engine.loop = loop_open(error);
	if (!bridge->engine.loop)
		return EX_OSERR;
	bridge->engine.tasks = tasks_open(&bridge->engine, TASKS_MOST);
	bridge->engine.children = children_open(&bridge->engine);
	bridge->engine.http = http_open(&bridge->engine, error);
	if (!bridge->engine.http)
		return EX_OSERR;
	int code = open_store(bridge, error);
	if (code == EX_OK)
		code = open_seal(bridge, error);
	if (code != EX_OK)
		return code;
	bridge->anchor = anchor_open(bridge, error);
	return bridge->anchor ? open_hook(bridge, error) : EX_OSERR;
}

static void
close_all(struct bridge *bridge)
{
	watch_free(bridge->drain);
	for (size_t i = 0; i < sizeof bridge->signals / sizeof *bridge->signals; i++)
		watch_free(bridge->signals[i]);
	manager_close(bridge->manager);
	clock_watch_close(bridge->clocks);
	frozen_close(bridge->frozen);
	hook_close(bridge->hook);
	store_close(bridge->engine.store);
	anchor_close(bridge->anchor);
	seal_close(bridge->seal);
	inbox_close(bridge->inbox);
	spool_close(bridge->spool);
	metrics_free(bridge->metrics);
	outbox_close(bridge->talk.outbox);
	follows_close(bridge->talk.follows);
	manners_free(bridge->talk.manners);
	mores_free(bridge->talk.mores);
	comings_close(bridge->talk.comings);
	circles_free(bridge->talk.circles);
	pause_free(bridge->talk.pause);
	approvals_close(bridge->talk.approvals);
	locks_close(bridge->talk.locks);
	elevations_close(bridge->talk.elevations);
	directory_close(bridge->talk.directory);
	links_close(&bridge->links);
	http_close(bridge->engine.http);
	children_close(bridge->engine.children);
	tasks_close(bridge->engine.tasks);
	loop_close(bridge->engine.loop);
	free(bridge->state);
	pair_codes_free(bridge->talk.pair_codes);
	pairs_free(bridge->talk.pairs);
	if (bridge->talk.people)
		people_close(bridge->talk.people);
	else
		setup_free(bridge->setup);
}

static void
hang_up(void *with, int events)
{
	struct bridge *bridge = with;

	(void)events;
	/* Who reloads while we start has the new file read already, or has it read then. */
	if (bridge->begun && !bridge->stopping)
		bridge_reload(bridge);
	else
		bridge->reload_wanted = !bridge->begun;
}

static void
hold_reloads(int how)
{
	sigset_t reload;

	sigemptyset(&reload);
	sigaddset(&reload, SIGHUP);
	pthread_sigmask(how, &reload, NULL);
}

void
bridge_prepare(void)
{
	hold_reloads(SIG_BLOCK);
}

static void
listen_to_signals(struct bridge *bridge)
{
	struct loop *loop = bridge->engine.loop;

	bridge->signals[0] = loop_signal(loop, SIGTERM, stop, bridge);
	bridge->signals[1] = loop_signal(loop, SIGINT, stop, bridge);
	bridge->signals[2] = loop_signal(loop, SIGHUP, hang_up, bridge);
	hold_reloads(SIG_UNBLOCK);
}

int
bridge_run(struct setup *setup, void (*ready_now)(void *), void *with)
{
	struct bridge bridge = { .setup = setup, .began = clock_wall() };
	struct error error = { "" };

	clock_zone(setup->gateway.timezone);
	warnings_log(setup);
	int code = open_engine(&bridge, &error);
	if (code != EX_OK) {
		fprintf(stderr, "sallyport: %s\n", error.text);
		if (code == EX_DATAERR)
			fprintf(stderr, "To put a backup in its place: sallyport restore -c %s BACKUP\n", setup->path);
		close_all(&bridge);
		return code;
	}
	open_talk(&bridge);
	links_open(&bridge.links, &bridge);
	bridge.manager = manager_open(bridge.engine.loop);
	bridge.drain = loop_timer(bridge.engine.loop, drain, &bridge);
	listen_to_signals(&bridge);
	struct beginning beginning = { &bridge, ready_now, with };
	task_start_reserved(&bridge.engine, "start", begin, &beginning, NULL);
	loop_run(bridge.engine.loop);
	anchor_end(bridge.anchor);
	close_all(&bridge);
	return EX_OK;
}
