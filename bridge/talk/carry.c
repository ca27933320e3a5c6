/* carry: a command that was understood is decided upon, written down, carried out and answered.
 *
 * What only looks is answered at once. What changes something is written before its first byte leaves (asked and sent, in one
 * transaction), is carried out at most once, and its outcome is written together with what is said about it. Where nobody knows
 * whether it happened, that is said, and the service is looked at; it is never asked twice. */
#include "bridge/talk/carry.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/rights/audit.h"
#include "bridge/run/follow.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/intent.h"
#include "bridge/talk/label.h"
#include "bridge/talk/living.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/own.h"
#include "bridge/talk/pause.h"
#include "bridge/talk/request.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

enum {
	STORE_PATIENCE = 64,            /* s between two tries to store an outcome, at most */
	STORE_TRIES = 64,               /* for an hour: then the next start has to look what became of it */
};

/* Verb and resolved arguments, without secrets. */
static char *
asked_for(const struct request *request)
{
	struct text text = text_in(request->task->arena, 1000);

	text_add(&text, request->command->verb);
	for (size_t i = 0; i < request->count; i++)
		if (request_is_param(request, request->args[i].name))
			text_printf(&text, " %s", request->args[i].value);
		else
			text_printf(&text, " %s=%s", request->args[i].name, request->args[i].value);
	return redact_text(request->task->arena, text_clean(request->task->arena, text.bytes, text.length));
}

/* The command as the audit keeps it: with its service before it. */
static char *
canonical(const struct request *request)
{
	const struct instance *instance = request->instance;

	return task_text(request->task, "%s%s%s", instance ? instance->name : "", instance ? " " : "", asked_for(request));
}

/* What every audit row of a request says. The texts are copied into `arena`. */
static struct audit_entry
entry(struct arena *arena, const struct request *request, const char *what, const char *command)
{
	return (struct audit_entry){
		.what = what,
		.person = request->person ? arena_text(arena, request->person->name) : NULL,
		.account = arena_text(arena, request->from.account ? request->from.account : request->from.shown),
		.proof = arena_text(arena, request->from.proof),
		.room = request->room ? arena_text(arena, request->room->name) : NULL,
		.place = place_text(arena, &request->place),
		.command = arena_text(arena, command),
	};
}

static bool
write_audit(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return audit_write(db, with, error);
}

/* A row that nobody waits for: a look that was answered, a command that was refused. `command` NULL: as canonical() has it. */
static void
audit_queue(const struct request *request, const char *what, const char *command, const char *decision, const char *rule, const char *result)
{
	if (!request->person && !manners_audited(request->talk->manners, clock_mono()))
		return;
	struct work *work = work_new(write_audit, sizeof(struct audit_entry));
	struct arena *arena = work_arena(work);
	struct audit_entry *row = work_with(work);

	*row = entry(arena, request, what, command ? command : canonical(request));
	row->decision = arena_text(arena, decision);
	row->rule = arena_text(arena, rule);
	row->result = redact_text(arena, result);
	store_queue(request->talk->engine->store, work, NULL, NULL);
}

/* Answers that are not part of an outcome: said once, at once. */
static void
say(struct request *request, struct card *card)
{
	if (!card->id && !card->to && request->room)
		card->to = request->from.shown;
	card->whom = request->from.account;
	request_say(request, card);
}

struct done { int64_t event; };

static bool
write_done(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return message_done(db, ((struct done *)with)->event, error);
}

void
carry_done(const struct talk *talk, int64_t event)
{
	if (!event)
		return;
	struct work *work = work_new(write_done, sizeof(struct done));
	((struct done *)work_with(work))->event = event;
	store_queue(talk->engine->store, work, NULL, NULL);
}

static void
event_done(struct request *request)
{
	carry_done(request->talk, request->own->event);
	request->own->event = 0;
}

void
carry_refuse(struct request *request, const char *sentence, const char *refused)
{
	struct arena *arena = request->task->arena;

	if (refused && request->person)
		log_info("%s: %s: %s", request->from.account ? request->from.account : request->from.shown, request->line, refused);
	if (refused)
		audit_queue(request, "refused", request->command && request->count ? canonical(request) : redact_text(arena, request->line), refused, NULL, NULL);
	if (sentence)
		say(request, card_new(arena, TONE_BAD, "%s", sentence));
	event_done(request);
}

/* Deciding. The first time before anything is asked of the service, the second time upon the resolved arguments. */

static struct ask
question(const struct request *request)
{
	return (struct ask){
		.account = request->from.account,
		.room = request->room ? request->room->name : NULL,
		.instance = request->instance ? request->instance->name : NULL,
		.verb = request->command->verb,
		.changes = request->command->care == CARE_CHANGE,
		.args = request->args,
		.count = request->count,
	};
}

static bool
decided(struct request *request, struct decision *decision)
{
	struct ask ask = question(request);

	rights_decide(request->talk->rights, &ask, decision);
	if (decision->allowed)
		return true;
	char *sentence = task_text(request->task, "refused: %s. %swhy %s", decision->why, request->talk->prefix, request->line);
	carry_refuse(request, text_cut(request->task->arena, sentence, 380), "refused: no rule");
	return false;
}

static bool
resolved(struct request *request)
{
	if (!request->command->resolve)
		return true;
	request->own->asking = true;
	request->own->crowded = false;
	bool fine = request->command->resolve(request);
	request->own->asking = false;
	/* Nothing is left out, or it would be decided upon something else than is carried out. */
	if (fine && request->own->crowded)
		fine = task_fail(request->task, "that is more than I can pass on; leave some of it out");
	if (!fine && !request->task->cancelled)
		carry_refuse(request, request->task->error.text, NULL);
	return fine;
}

/* What only looks. */

/* Its audit rows are not waited for, so it is refused where they could not be written. */
static bool
auditable(struct request *request)
{
	struct error why;

	if (!store_failing(request->talk->engine->store, &why))
		return true;
	say(request, card_new(request->task->arena, TONE_BAD, "refused: I cannot write the audit now: %s", why.text));
	event_done(request);
	return false;
}

static void
look(struct request *request, const struct decision *decision)
{
	bool fine = request->command->run(request);

	if (request->task->cancelled)
		return;
	if (!fine)
		say(request, card_new(request->task->arena, TONE_BAD, "%s", request->task->error.text));
	audit_queue(request, "answered", NULL, "allowed", decision->rule, fine ? "answered" : request->task->error.text);
	event_done(request);
}

static void
rehearse(struct request *request, const struct decision *decision)
{
	struct task *task = request->task;

	task_rehearse(task);
	bool fine = request->command->run(request);
	if (task->cancelled)
		return;
	if (task->would)
		say(request, card_new(task->arena, TONE_PLAIN, "Dry run, nothing sent. Would %s | allowed by %s", task->would, decision->rule));
	else if (fine)
		say(request, card_new(task->arena, TONE_PLAIN, "Dry run: nothing outside would change | allowed by %s", decision->rule));
	else
		say(request, card_new(task->arena, TONE_BAD, "Dry run: it would fail: %s", task->error.text));
	audit_queue(request, "answered", task_text(task, "%s --dry-run", canonical(request)), "allowed", decision->rule, "dry run");
	event_done(request);
}

/* What changes something: T2 and T3 of the data model in one. */

struct sending {
	struct intent intent;
	struct audit_entry audit;
	struct label label;
	char letter;
};

static bool
write_sending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct sending *sending = with;

	if (sending->intent.event && !message_done(db, sending->intent.event, error))
		return false;
	if (sending->letter) {
		if (!label_new(db, sending->letter, &sending->label, arena, error))
			return false;
		sending->intent.label = sending->label.name;
	}
	if (!intent_send(db, &sending->intent, error))
		return false;
	sending->audit.intent = sending->intent.id;
	return audit_write(db, &sending->audit, error);
}

static struct work *
sending_work(struct request *request, const struct decision *decision)
{
	struct work *work = work_new(write_sending, sizeof(struct sending));
	struct sending *sending = work_with(work);
	struct arena *arena = work_arena(work);
	struct intent *intent = &sending->intent;

	*intent = (struct intent){
		.event = request->own->event, .key = arena_text(arena, request->key),
		.person = arena_text(arena, request->person->name), .account = arena_text(arena, request->from.account),
		.proof = arena_text(arena, request->from.proof), .shown = arena_text(arena, request->from.shown),
		.place = place_text(arena, &request->place), .replies = arena_text(arena, request->own->replies_to),
		.room = request->room ? arena_text(arena, request->room->name) : NULL,
		.instance = request->instance ? arena_text(arena, request->instance->name) : NULL,
		.verb = arena_text(arena, request->command->verb), .line = arena_text(arena, request->line),
		.args = intent_args(arena, request->args, request->count),
		.rule = arena_text(arena, decision->rule), .asked = clock_wall(),
	};
	intent_hash(intent);
	sending->letter = request->command->letter;
	sending->label.kind = request->instance ? arena_text(arena, request->kind) : "own";
	sending->label.instance = intent->instance ? intent->instance : "";
	sending->label.subject = "";
	sending->label.room = intent->room;
	sending->audit = entry(arena, request, "asked", canonical(request));
	sending->audit.decision = "allowed";
	sending->audit.rule = intent->rule;
	sending->audit.args_hash = intent->hash;
	sending->audit.args_hash_size = sizeof intent->hash;
	return work;
}

/* T4: the outcome, what is said of it, and what is looked at from now on. */

struct ending {
	int64_t intent;
	const char *state, *outcome;
	struct audit_entry audit;
	const char *label, *subject, *card;
	bool closed;
	struct follow follow;
	size_t count;
	const struct saying *sayings[REPLIES_MOST];
};

static bool
write_ending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct ending *ending = with;

	(void)arena;
	if (!intent_end(db, ending->intent, ending->state, ending->outcome, error) || !audit_write(db, &ending->audit, error))
		return false;
	if (ending->label && ending->subject && !label_subject(db, ending->label, ending->subject, error))
		return false;
	if (ending->label && ending->card && !label_card(db, ending->label, ending->card, ending->closed, error))
		return false;
	if (ending->follow.kind && !follow_add(db, &ending->follow, error))
		return false;
	for (size_t i = 0; i < ending->count; i++)
		if (!outbox_write(db, ending->sayings[i], ending->label, error))
			return false;
	return true;
}

static void
fill_follow(struct ending *ending, struct arena *arena, const struct request *request)
{
	const struct request_private *own = request->own;
	int64_t now = clock_wall();

	if (!own->follow_kind)
		return;
	struct living living = { .label = request->label, .room = request->room ? request->room->name : NULL, .place = request->place,
		.shown = request->from.shown, .account = request->from.account, .replies = own->replies_to, .asked = now };
	ending->follow = (struct follow){
		.instance = arena_text(arena, request->instance->name), .kind = arena_text(arena, own->follow_kind),
		.token = arena_text(arena, own->follow_token), .about = living_json(arena, &living),
		.began = now, .due = now + own->look_in, .until = now + own->give_up_in,
	};
}

static void
fill_sayings(struct ending *ending, struct arena *arena, const struct request *request)
{
	const struct request_private *own = request->own;

	for (size_t i = 0; i < own->reply_count; i++) {
		struct card *card = own->replies[i];
		card->seen = card->state && card->id && !request->label && !own->by_sign;
		ending->sayings[ending->count++] = outbox_saying(request->talk->outbox, arena, request->room, &request->place, own->replies_to, card);
		if (card->state)
			ending->card = card_json(arena, card);
	}
}

static bool
try_ending(struct request *request, int64_t intent, const char *state, const char *outcome, bool said)
{
	struct work *work = work_new(write_ending, sizeof(struct ending));
	struct ending *ending = work_with(work);
	struct arena *arena = work_arena(work);

	ending->intent = intent;
	ending->state = state;
	ending->outcome = redact_text(arena, outcome);
	ending->audit = entry(arena, request, "ended", canonical(request));
	ending->audit.intent = intent;
	ending->audit.result = arena_printf(arena, "%s%s%s: %s", request->label ? request->label : "", request->label ? " " : "", state, ending->outcome);
	ending->label = arena_text(arena, request->label);
	ending->subject = arena_text(arena, request->own->subject);
	ending->closed = !request->own->follow_kind && strcmp(state, "unknown") != 0;
	fill_follow(ending, arena, request);
	fill_sayings(ending, arena, request);
	if (said)
		ending->count = 0;
	work_is_outcome(work);
	return store_commit(request->task, work);
}

static void
say_unstored(struct request *request)
{
	struct request_private *own = request->own;

	for (size_t i = 0; i < own->reply_count; i++)
		say(request, own->replies[i]);
	say(request, card_new(request->task->arena, TONE_BAD, "I cannot write down how %s ended, and go on trying: %s",
		request->label ? request->label : asked_for(request), request->task->error.text));
}

/* Nobody is left without an answer, and no outcome is given up, because the store refuses for a while. False where it was not stored: the row
 * says sent, and the next start looks what became of it. */
static bool
commit_ending(struct request *request, int64_t intent, const char *state, const char *outcome)
{
	unsigned wait = 1;

	for (unsigned tries = 0; !try_ending(request, intent, state, outcome, tries > 0); tries++) {
		log_error("The outcome of %s could not be stored (%s): %s", canonical(request), outcome, request->task->error.text);
		if (tries == 0)
			say_unstored(request);
		if (tries == STORE_TRIES || !task_sleep(request->task, wait))
			return false;
		wait = wait < STORE_PATIENCE ? 2 * wait : STORE_PATIENCE;
	}
	request->own->reply_count = 0;
	log_info("%s %s: %s", request->label ? request->label : canonical(request), state, outcome);
	outbox_kick(request->talk->outbox);
	follows_kick(request->talk->follows);
	return true;
}

/* A sentence about the request itself: with its id and state where it makes a living thing. */
static void
reply_state(struct request *request, const char *state, enum tone tone, const char *sentence)
{
	struct card *card = card_new(request->task->arena, tone, "%s", sentence);

	if (request->command->letter)
		card_state(card, request->label, state);
	card->to = request->from.shown;
	card->whom = request->from.account;
	card->ring = tone == TONE_BAD;
	request_reply(request, card);
}

/* Looks a few times whether it happened; never asks for it again. */
static void
settle(struct request *request, int64_t intent)
{
	struct task *task = request->task;

	for (unsigned wait = 1; request->command->settle; wait *= 2) {
		request->own->settled = SETTLED_UNKNOWN;
		request->own->reply_count = 0;
		task->error.text[0] = '\0';
		bool looked = request->command->settle(request);
		if (task->cancelled)
			return;
		if (looked && request->own->settled != SETTLED_UNKNOWN) {
			commit_ending(request, intent, request->own->settled == SETTLED_DONE ? "done" : "failed", "found by looking");
			return;
		}
		if (wait >= 64)
			break;
		request->own->reply_count = 0;
		if (!task_sleep(task, wait))
			return;
	}
	struct card *card = card_new(task->arena, TONE_BAD, "I could not find out whether it happened%s%s; look there before you ask for it again",
		task->error.text[0] ? ": " : "", task->error.text);
	card_state(card, request->label, request->label ? "unknown" : NULL);
	say(request, card);
}

/* The unknown itself, written before the looking begins: the person hears "unknown", never silence. */
static void
unknown(struct request *request, int64_t intent, const char *reason)
{
	const char *there = request->instance ? request->instance->name : "it";
	char *sentence = request->command->settle
		? task_text(request->task, "%s. I will not ask twice; looking there now", reason)
		: task_text(request->task, "%s. I will not ask twice; look at %s before you ask again", reason, there);

	request->own->reply_count = 0;
	request->own->follow_kind = NULL;
	reply_state(request, "unknown", TONE_BAD, sentence);
	if (commit_ending(request, intent, "unknown", reason) && request->command->settle)
		settle(request, intent);
}

static void
change(struct request *request, const struct decision *decision)
{
	struct task *task = request->task;
	struct work *work = sending_work(request, decision);
	const struct sending *sending = work_with(work);

	if (!store_commit(task, work)) {
		say(request, card_new(task->arena, TONE_BAD, "refused: it could not be written down first, so nothing was done: %s", task->error.text));
		event_done(request);
		return;
	}
	request->own->event = 0;
	request->label = sending->intent.label;
	log_info("%s%s%s asked by %s in %s", request->label ? request->label : "", request->label ? ": " : "", canonical(request), request->from.account,
		request->room ? request->room->name : "private");
	task->error.text[0] = '\0';

	bool fine = request->command->run(request);
	if (fine) {
		commit_ending(request, sending->intent.id, "done", "done");
		return;
	}
	if (task->cancelled)
		return;         /* we are being stopped: the row says sent, and the next start looks what became of it */
	char *why = arena_text(task->arena, task->error.text);
	if (task->unsure) {
		unknown(request, sending->intent.id, why);
		return;
	}
	request->own->reply_count = 0;
	request->own->follow_kind = NULL;
	reply_state(request, "failed", TONE_BAD, why);
	commit_ending(request, sending->intent.id, "failed", why);
}

static bool
paused(struct request *request)
{
	const char *why = request->talk->pause ? pause_why(request->talk->pause, request->task->arena) : NULL;

	if (!why || request->command->always)
		return false;
	carry_refuse(request, task_text(request->task, "refused: %s. %sresume ends it", why, request->talk->prefix), "refused: paused");
	return true;
}

void
carry_out(struct request *request)
{
	struct decision decision;
	struct ask ask = question(request);
	bool changes = request->command->care == CARE_CHANGE;

	if (changes && request->from.only_looks) {
		carry_refuse(request, task_text(request->task, "refused: I cannot prove well enough who you are: %s proves only what looks", request->from.proof),
			"refused: not proven");
		return;
	}
	/* Who may not do it with any arguments costs the service nothing; what only looks is decided upon as it was written, too. */
	if ((!changes || !rights_could(request->talk->rights, &ask)) && !decided(request, &decision))
		return;
	if (!resolved(request) || !decided(request, &decision))
		return;
	if (changes && !request->own->dry && paused(request))
		return;
	if (changes && !request->own->dry)
		change(request, &decision);
	else if (!auditable(request))
		return;
	else if (request->own->dry)
		rehearse(request, &decision);
	else
		look(request, &decision);
}

/* After a start. */

struct open_intent {
	const struct talk *talk;
	struct intent intent;
	bool unknown;
	struct request request;
	struct request_private own;
};

static const struct instance *
instance_named(const struct talk *talk, const char *name)
{
	for (size_t i = 0; name && talk->instances[i]; i++)
		if (!strcmp(talk->instances[i]->name, name))
			return talk->instances[i];
	return NULL;
}

/* A service that is not configured any more cannot be looked at, nor what happened after a backup was made; but who asked hears of it. */
static const struct command *
forgotten(struct arena *arena, const struct intent *intent)
{
	struct command *command = arena_take(arena, sizeof *command);

	command->verb = intent->verb;
	command->care = CARE_CHANGE;
	command->letter = intent->label ? *intent->label : '\0';
	return command;
}

static bool
restore(struct task *task, struct open_intent *open)
{
	struct request *request = &open->request;
	const struct intent *intent = &open->intent;

	*request = (struct request){ .task = task, .talk = open->talk, .instance = instance_named(open->talk, intent->instance),
		.from = { .account = intent->account, .shown = intent->shown, .proof = intent->proof, .proven = true },
		.person = rights_person(open->talk->rights, intent->account), .key = intent->key, .label = intent->label,
		.line = intent->line, .own = &open->own };
	open->own.replies_to = intent->replies;
	if (!place_read(task->arena, intent->place, &request->place))
		return false;
	request->room = intent->room ? room_named(open->talk->rooms, intent->room) : NULL;
	for (const struct command_set *set = request->instance ? request->instance->sets : NULL; set && set->kind && !request->command; set++) {
		request->command = command_find(set->commands, intent->verb);
		request->kind = set->kind;
		request->driver = set->driver;
	}
	if (!intent->instance)
		request->command = command_find(own_commands, intent->verb);
	if (!request->command || intent->restored)
		request->command = forgotten(task->arena, intent);
	request->count = intent_read_args(task->arena, intent->args, request->args, sizeof request->args / sizeof *request->args);
	return true;
}

static void
settle_open(struct task *task, void *with)
{
	struct open_intent *open = with;
	const char *service = open->intent.instance ? open->intent.instance : "it";

	talk_hold(task, open->talk);
	task_number(task, open->intent.key);
	if (!restore(task, open))
		log_error("Request %s (%s) was left open by %s, and its place cannot be read.", open->intent.key, open->intent.line, open->intent.person);
	else if (!open->unknown && open->intent.restored)
		unknown(&open->request, open->intent.id, task_text(task, "I asked %s to %s just before the backup was made that I was put back from", service,
			asked_for(&open->request)));
	else if (!open->unknown)
		unknown(&open->request, open->intent.id, task_text(task, "I was restarted while asking %s to %s", service, asked_for(&open->request)));
	else if (open->request.command->settle)
		settle(&open->request, open->intent.id);
}

void
carry_settle(const struct talk *talk, const struct intent *intent, bool unknown_already)
{
	struct arena *arena = arena_new();
	struct open_intent *open = arena_take(arena, sizeof *open);
	const char **texts[] = { &open->intent.key, &open->intent.person, &open->intent.account, &open->intent.proof, &open->intent.shown,
		&open->intent.place, &open->intent.replies, &open->intent.room, &open->intent.instance, &open->intent.verb, &open->intent.line,
		&open->intent.args, &open->intent.label, &open->intent.rule };

	open->talk = talk;
	open->intent = *intent;
	open->unknown = unknown_already;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, *texts[i]);
	if (!task_start(talk->engine, open->intent.label ? open->intent.label : "settle", settle_open, open, arena))
		log_error("Request %s could not be looked at: too much is going on. It is looked at after the next start.", intent->key);
}
