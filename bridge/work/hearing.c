/* hearing: from what was said to the command that is meant, and to the request that carries it out. */
#include "bridge/work/hearing.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/base/ulid.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/carry.h"
#include "bridge/work/code.h"
#include "bridge/work/help.h"
#include "bridge/work/own.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum {
	CANDIDATES = 16,
	LATE = 10 * 60 * 1000,          /* ms after which nobody expects a command to be carried out any more */
	SAID_LATE = 5 * 60 * 1000,      /* the same, by the clock of the server; it may be wrong both ways (threats M5) */
};

/* A verb that fits, of one service or of our own. */
struct candidate {
	const struct instance *instance;        /* NULL: ours */
	const struct command_set *set;
	const struct command *command;
};

/* What a task gets to work on. */
struct heard {
	const struct talk *talk;
	struct message message;
	int64_t event;
	const char *who;                /* whose commands are counted */
	bool admitted;                  /* not too many of theirs are going on */
	struct request request;
	struct request_private own;
	struct words words;
	size_t from;                    /* the first word behind the verb */
};

static bool
offered(const struct request *request, const struct instance *instance)
{
	return !request->room || room_offers(request->room, instance->name);
}

static struct candidate
of_instance(const struct instance *instance, const char *verb)
{
	for (const struct command_set *set = instance->sets; set->kind; set++) {
		const struct command *command = command_find(set->commands, verb);
		if (command)
			return (struct candidate){ instance, set, command };
	}
	return (struct candidate){ 0 };
}

static size_t
collect(const struct request *request, const char *verb, struct candidate *out)
{
	size_t count = 0;

	for (size_t i = 0; request->talk->instances[i] && count < CANDIDATES; i++) {
		if (!offered(request, request->talk->instances[i]))
			continue;
		out[count] = of_instance(request->talk->instances[i], verb);
		if (out[count].command)
			count++;
	}
	return count;
}

static const struct instance *
instance_named(const struct request *request, const char *name)
{
	for (size_t i = 0; request->talk->instances[i]; i++)
		if (!strcasecmp(request->talk->instances[i]->name, name) && offered(request, request->talk->instances[i]))
			return request->talk->instances[i];
	return NULL;
}

static void
take(struct request *request, const struct candidate *candidate)
{
	request->instance = candidate->instance;
	request->command = candidate->command;
	request->kind = candidate->set ? candidate->set->kind : NULL;
	request->driver = candidate->set ? candidate->set->driver : NULL;
}

/* Which of several is meant: a short id decides first, then what the words name, else we ask. */

static bool
narrow_by_label(struct heard *heard, struct candidate *among, size_t count)
{
	struct label label;

	for (size_t i = heard->from; i < heard->words.count; i++) {
		if (!label_shaped(heard->words.each[i]) || !label_look(heard->request.task, heard->words.each[i], &label))
			continue;
		for (size_t j = 0; j < count; j++)
			if (!strcmp(among[j].instance->name, label.instance)) {
				take(&heard->request, &among[j]);
				return true;
			}
	}
	return false;
}

static bool
bind(struct heard *heard)
{
	struct request *request = &heard->request;

	bool bound = command_bind(request->task->arena, request->command, &heard->words, heard->from, request->args, &request->count,
		&heard->own.dry, &request->task->error);
	request->typed = request->count;
	return bound;
}

static size_t
narrow_by_words(struct heard *heard, struct candidate *among, size_t count)
{
	struct request *request = &heard->request;
	size_t left = 0;

	heard->own.asking = true;
	for (size_t i = 0; i < count; i++) {
		if (!among[i].command->suits)
			continue;
		take(request, &among[i]);
		if (bind(heard) && among[i].command->suits(request))
			among[left++] = among[i];
		request->task->error.text[0] = '\0';
	}
	heard->own.asking = false;
	*request = (struct request){ .task = request->task, .talk = request->talk, .from = request->from, .person = request->person,
		.place = request->place, .room = request->room, .key = request->key, .line = request->line, .own = request->own };
	return left;
}

static bool
ask_which(struct heard *heard, const struct candidate *among, size_t count)
{
	struct task *task = heard->request.task;
	const char *prefix = heard->talk->prefix;
	struct text where = text_in(task->arena, 200), examples = text_in(task->arena, 300);

	for (size_t i = 0; i < count; i++) {
		text_printf(&where, "%son %s", i ? " and " : "", among[i].instance->name);
		text_printf(&examples, "%s%s%s %s", i ? " or " : "", prefix, among[i].instance->name, heard->request.line);
	}
	const char *what = heard->from < heard->words.count ? heard->words.each[heard->from] : among[0].command->verb;
	return task_fail(task, "%s is %s. Which? %s", what, where.bytes, examples.bytes);
}

static bool
could(const struct request *request, const struct candidate *candidate)
{
	struct ask ask = { .account = request->from.account, .room = request->room ? request->room->name : NULL,
		.instance = candidate->instance->name, .verb = candidate->command->verb, .changes = command_needs_rule(candidate->command) };

	return rights_could(request->talk->rights, &ask);
}

/* Those that the person may use come into question; where there is none, one is taken, and refused by the rules. No service is asked
 * anything for somebody who may not use it. */
static size_t
allowed(const struct request *request, struct candidate *among, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++)
		if (could(request, &among[i]))
			among[left++] = among[i];
	return left ? left : 1;
}

static bool
choose(struct heard *heard, struct candidate *among, size_t count)
{
	count = allowed(&heard->request, among, count);
	if (count == 1) {
		take(&heard->request, &among[0]);
		return true;
	}
	if (narrow_by_label(heard, among, count))
		return true;
	size_t left = narrow_by_words(heard, among, count);
	if (left == 1) {
		take(&heard->request, &among[0]);
		return true;
	}
	for (size_t i = heard->from; !left && i < heard->words.count; i++)
		if (label_shaped(heard->words.each[i]))
			return task_fail(heard->request.task, "there is no %s", heard->words.each[i]);
	return ask_which(heard, among, left ? left : count);
}

/* What the person may have meant: a verb they may use here. */
static const char *
meant(const struct heard *heard, const struct instance *only, const char *word)
{
	const struct request *request = &heard->request;
	const char *verbs[128];
	size_t count = 0;

	for (const struct command *own = own_commands; !only && own->verb && count < 32; own++)
		verbs[count++] = own->verb;
	for (size_t i = 0; request->talk->instances[i]; i++) {
		const struct instance *instance = request->talk->instances[i];
		if (only ? instance != only : !offered(request, instance))
			continue;
		for (const struct command_set *set = instance->sets; set->kind; set++)
			for (const struct command *command = set->commands; command->verb && count < 126; command++) {
				struct candidate candidate = { instance, set, command };
				if (could(request, &candidate))
					verbs[count++] = command->verb;
			}
	}
	verbs[count] = NULL;
	return text_nearest(word, verbs);
}

static bool
no_such_verb(struct heard *heard, const struct instance *instance, const char *word)
{
	struct task *task = heard->request.task;
	const char *prefix = heard->talk->prefix;
	const char *near = meant(heard, instance, word), *shown = text_clean(task->arena, word, strlen(word));
	const char *before = instance ? instance->name : "", *blank = instance ? " " : "";

	if (near)
		return task_fail(task, "there is no %s%s%s. Did you mean %s%s%s%s", before, blank, shown, prefix, before, blank, near);
	return task_fail(task, "there is no %s%s%s here. %shelp shows what there is", before, blank, shown, prefix);
}

/* Finds the command; false with a sentence. `known` tells whether the words name anything of ours at all. */
static bool
find(struct heard *heard, bool *known)
{
	struct request *request = &heard->request;
	const char *first = heard->words.each[0];
	const struct command *own = own_find(&heard->words);
	const struct instance *instance = instance_named(request, first);
	struct candidate among[CANDIDATES];

	*known = true;
	heard->from = 1;
	if (own) {
		take(request, &(struct candidate){ .command = own });
		return true;
	}
	if (instance && heard->words.count == 1) {
		take(request, &(struct candidate){ .command = command_find(own_commands, "help") });
		heard->from = 0;        /* !ci is !help ci */
		return true;
	}
	if (instance) {
		heard->from = 2;
		among[0] = of_instance(instance, heard->words.each[1]);
		if (!among[0].command)
			return no_such_verb(heard, instance, heard->words.each[1]);
		take(request, &among[0]);
		return true;
	}
	size_t count = collect(request, first, among);
	*known = count > 0;
	if (!request->person)
		return false;           /* which one a stranger means nobody is asked */
	return count ? choose(heard, among, count) : no_such_verb(heard, NULL, first);
}

/* Who cannot be proven, or is nobody we know: one answer a minute and place, silence for words that are no verbs. */
static void
refuse_stranger(struct heard *heard, bool known)
{
	struct request *request = &heard->request;
	struct task *task = request->task;
	const struct speaker *from = &request->from;
	const char *sentence;

	if (!known || !manners_stranger(heard->talk->manners, &request->place, clock_mono()))
		sentence = NULL;
	else if (!from->proven)
		sentence = task_text(task, "refused: I cannot prove who you are: %s. A nick is no proof", from->proof ? from->proof : "no account");
	else
		sentence = task_text(task, "refused: %s is nobody I know. Access is given by: %s", from->account, help_admins(heard->talk, task->arena));
	carry_refuse(request, sentence, from->proven ? "refused: unknown account" : "refused: not proven");
}

static bool
stranger_may(const struct request *request)
{
	struct ask ask = { .account = request->from.account, .room = request->room ? request->room->name : NULL,
		.verb = request->command->verb, .changes = request->command->guarded, .open = request->command->open };

	return !request->instance && rights_could(request->talk->rights, &ask);
}

static bool
has_alias(const struct alias *alias, const struct room *room, const char *word)
{
	bool here = !alias->in.count;

	for (size_t i = 0; room && i < alias->in.count; i++)
		here = here || !strcmp(alias->in.each[i], room->name);
	return here && !strcasecmp(alias->name, word);
}

/* The line that an alias stands for; NULL where the first word is none. An alias may not name another one. */
static char *
expand(const struct talk *talk, struct arena *arena, const struct room *room, const struct words *words)
{
	for (size_t i = 0; words->count && talk->aliases[i]; i++)
		if (has_alias(talk->aliases[i], room, words->each[0]))
			return alias_expand(arena, talk->aliases[i], words);
	return NULL;
}

static bool
understand(struct heard *heard)
{
	struct request *request = &heard->request;
	struct task *task = request->task;
	bool known = false;

	bool read = words_read(task->arena, request->line, &heard->words, &task->error);
	if (read && !heard->words.count)
		return false;
	char *expanded = read ? expand(heard->talk, task->arena, request->room, &heard->words) : NULL;
	if (expanded)
		read = words_read(task->arena, expanded, &heard->words, &task->error);
	bool found = read && find(heard, &known);
	if (task->cancelled)
		return false;           /* we are being stopped: where the message was kept, the next start reads it again */
	if (!request->person && !(found && stranger_may(request))) {
		refuse_stranger(heard, known || found);
		return false;
	}
	if (found && bind(heard))
		return true;
	carry_refuse(request, task->error.text, NULL);
	return false;
}

/* Nobody expects it any more, or the server's clock makes no sense. NULL: it is not late. */
static const char *
late(struct arena *arena, const struct message *message, int64_t now)
{
	if (message->heard && now - message->heard > LATE)
		return "refused: I was away when you asked for it, and it is late now; ask again";
	if (message->said && now - message->said > SAID_LATE)
		return arena_printf(arena, "refused: by the clock of the server you asked for it %s ago: I was away, or that clock and mine differ. "
			"Ask again; if I say the same, one of them is wrong", clock_span(arena, now - message->said));
	if (message->said && message->said - now > SAID_LATE)
		return arena_printf(arena, "refused: the clock of the server is %s ahead of mine, so I cannot tell what is late; one of them must be set",
			clock_span(arena, message->said - now));
	return NULL;
}

static void
attend(struct task *task, void *with)
{
	struct heard *heard = with;
	struct request *request = &heard->request;
	const struct talk *talk = heard->talk;
	const struct message *message = &heard->message;
	char *key = arena_take(task->arena, ULID_LENGTH + 1);

	talk_hold(task, talk);
	ulid_make(key);
	task_number(task, key);
	*request = (struct request){ .task = task, .talk = talk, .from = message->from, .place = message->place, .key = key,
		.room = message->direct ? NULL : room_of(talk->rooms, &message->place), .own = &heard->own,
		.person = message->from.proven ? rights_person(talk->rights, message->from.account) : NULL };
	if (!message->from.proven)
		request->from.account = NULL;
	heard->own.event = heard->event;
	heard->own.replies_to = message->meant ? message->on : message->id;
	heard->own.message = message->id ? message_label(task->arena, place_text(task->arena, &message->place), message->id) : NULL;
	heard->own.by_sign = message->meant;
	const char *line = command_addressed(message->text, talk->prefix, talk->name, message->direct);
	if (line)
		request->line = code_hidden(task->arena, arena_slice(task->arena, line, strcspn(line, "\n")), message->direct, heard->own.digits);

	const char *why_late = late(task->arena, message, clock_wall());
	/* Of an earlier life, whose prefix or rooms were others. */
	if (!hearing_ours(talk, message))
		carry_refuse(request, NULL, "refused: not said where I take commands");
	else if (why_late)
		carry_refuse(request, why_late, "refused: too late");
	else if (!heard->admitted)
		carry_refuse(request, request->person ? "too many of your commands are still running; wait for one to end" : NULL, "refused: too many at once");
	else if (understand(heard))
		carry_out(request);
	secret_wipe(heard->own.digits, sizeof heard->own.digits);
	if (heard->admitted)
		manners_end(talk->manners, heard->who);
}

bool
hearing_ours(const struct talk *talk, const struct message *message)
{
	bool said = message->kind == MESSAGE_SAID && !message->aside, meant = message->kind == MESSAGE_REACTED && message->meant;

	if (!(said || meant) || !command_addressed(message->text, talk->prefix, talk->name, message->direct))
		return false;
	return message->direct || room_of(talk->rooms, &message->place);
}

/* What strangers say changes nothing, so it costs no commit. */
static bool
may_change(const struct talk *talk, const struct message *message)
{
	return message->from.proven && !message->from.only_looks && rights_person(talk->rights, message->from.account);
}

bool
hearing_misplaced(const struct talk *talk, const struct message *message)
{
	return message->kind == MESSAGE_SAID && !message->aside && !message->direct && may_change(talk, message)
		&& command_addressed(message->text, talk->prefix, talk->name, false) && !room_of(talk->rooms, &message->place);
}

/* The sign itself: telephones add how it is to be drawn (U+FE0F), and the colour of a hand (U+1F3FB to U+1F3FF). */
static bool
is_sign(const char *sign, const char *key)
{
	size_t length = strlen(sign);

	if (strncmp(sign, key, length))
		return false;
	for (key += length; *key;)
		if (!strncmp(key, "\ufe0f", 3))
			key += 3;
		else if (!strncmp(key, "\U0001f3fb", 3) && (unsigned char)key[3] >= 0xbb && (unsigned char)key[3] <= 0xbf)
			key += 4;
		else
			return false;
	return true;
}

static const char *
verb_of_sign(const struct command *commands, const char *key)
{
	for (const struct command *command = commands; command->verb; command++)
		if (command->sign && is_sign(command->sign, key))
			return command->verb;
	return NULL;
}

const char *
hearing_sign(const struct talk *talk, const struct message *message)
{
	const struct room *room = message->direct ? NULL : room_of(talk->rooms, &message->place);

	if (!may_change(talk, message) || !message->on || !(room || message->direct))
		return NULL;
	const char *verb = verb_of_sign(own_commands, message->text);
	for (size_t i = 0; talk->instances[i] && !verb; i++) {
		const struct instance *instance = talk->instances[i];
		if (room && !room_offers(room, instance->name))
			continue;
		for (const struct command_set *set = instance->sets; set->kind && !verb; set++)
			verb = verb_of_sign(set->commands, message->text);
	}
	return verb;
}

/* An alias or a service's name may stand before the verb, so every word is looked at. */
static bool
names_change(const struct talk *talk, const struct message *message)
{
	struct arena *arena = arena_new();
	struct words words;
	const char *line = command_addressed(message->text, talk->prefix, talk->name, message->direct);
	bool changes = false;

	if (line && words_read(arena, line, &words, NULL) && words.count) {
		char *expanded = expand(talk, arena, message->direct ? NULL : room_of(talk->rooms, &message->place), &words);
		if (expanded && !words_read(arena, expanded, &words, NULL))
			words.count = 0;
		const struct command *own = own_find(&words);
		changes = own && own->care != CARE_LOOK;
		for (size_t w = 0; !own && w < words.count && w < 2 && !changes; w++)
			for (size_t i = 0; talk->instances[i] && !changes; i++) {
				struct candidate one = of_instance(talk->instances[i], words.each[w]);
				changes = one.command && one.command->care != CARE_LOOK;
			}
	}
	arena_free(arena);
	return changes;
}

bool
hearing_changes(const struct talk *talk, const struct message *message)
{
	return may_change(talk, message) && names_change(talk, message);
}

/* The verb of ours that it means; NULL: none, or an alias, which is one word for many things. */
static const struct command *
own_meant(const struct talk *talk, const struct message *message)
{
	struct arena *arena = arena_new();
	const char *line = command_addressed(message->text, talk->prefix, talk->name, message->direct);
	const struct room *room = message->direct ? NULL : room_of(talk->rooms, &message->place);
	char digits[TOTP_DIGITS + 1];
	struct words words;
	const struct command *own = NULL;

	if (line && words_read(arena, code_hidden(arena, line, message->direct, digits), &words, NULL) && words.count && !expand(talk, arena, room, &words))
		own = own_find(&words);
	arena_free(arena);
	return own;
}

/* Our own verbs that answer everybody alike, where strangers may use them: nobody is asked who it was. */
static bool
same_for_all(const struct talk *talk, const struct message *message, const struct command *own)
{
	const struct room *room = message->direct ? NULL : room_of(talk->rooms, &message->place);
	struct ask ask = { .room = room ? room->name : NULL, .verb = own ? own->verb : NULL };

	return own && own->same && rights_could(talk->rights, &ask);
}

bool
hearing_code(const struct talk *talk, const struct message *message)
{
	struct arena *arena = arena_new();
	char digits[TOTP_DIGITS + 1] = "";
	const char *line = message->text ? command_addressed(message->text, talk->prefix, talk->name, false) : NULL;

	if (line)
		code_hidden(arena, line, false, digits);
	arena_free(arena);
	bool said = *digits;
	secret_wipe(digits, sizeof digits);
	return said;
}

enum proof
hearing_wants_proof(const struct talk *talk, const struct message *message)
{
	const struct speaker *from = &message->from;
	const struct command *own = hearing_ours(talk, message) ? own_meant(talk, message) : NULL;

	if (!hearing_ours(talk, message) || same_for_all(talk, message, own))
		return PROOF_NONE;
	if (own && own->open && message->direct)
		return PROOF_TO_CHANGE;
	if (from->proven && !rights_person(talk->rights, from->account))
		return PROOF_TO_LOOK;           /* nobody we know: they change nothing, whatever they say */
	return (own && own->certain) || names_change(talk, message) ? PROOF_TO_CHANGE : PROOF_TO_LOOK;
}

/* Refused for good: what is still in the store would be carried out after the next start, when nobody expects it any more. */
static void
refuse_now(const struct talk *talk, const struct message *message, int64_t event)
{
	struct arena *arena = arena_new();
	struct card *card = card_new(arena, TONE_BAD, "refused: too much is going on, so nothing was done; ask again in a moment");

	log_warning("A command of %s was not taken: too much is going on.", message->from.shown);
	card->to = message->direct ? NULL : message->from.shown;
	card->whom = message->from.account;
	if (may_change(talk, message))
		outbox_say(talk->outbox, &message->place, message->id, card);
	record_done(talk, event);
	arena_free(arena);
}

void
hearing_take(const struct talk *talk, const struct message *message, int64_t event)
{
	struct arena *arena = arena_new();
	struct heard *heard = arena_take(arena, sizeof *heard);

	heard->talk = talk;
	heard->event = event;
	heard->message = (struct message){ .kind = message->kind, .place = place_copy(arena, &message->place), .id = arena_text(arena, message->id),
		.on = arena_text(arena, message->on), .text = arena_text(arena, message->text), .meant = message->meant, .aside = message->aside, .direct = message->direct,
		.said = message->said, .heard = message->heard,
		.from = { .account = arena_text(arena, message->from.account), .shown = arena_text(arena, message->from.shown),
			.alone = arena_text(arena, message->from.alone),
			.proof = arena_text(arena, message->from.proof), .proven = message->from.proven, .only_looks = message->from.only_looks } };
	/* Counted from here on, so that nobody is told that all has ended while it has not begun. */
	heard->who = message->from.proven ? heard->message.from.account : heard->message.place.channel;
	heard->admitted = manners_begin(talk->manners, heard->who);
	char *who = heard->admitted ? memory_text(heard->who) : NULL;
	if (!task_start(talk->engine, "command", attend, heard, arena)) {
		if (who)
			manners_end(talk->manners, who);
		refuse_now(talk, message, event);
	}
	free(who);
}
