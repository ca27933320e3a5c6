/* pair: the verbs by which people make accounts their own, and give them up. */
#include "bridge/work/pair.h"

#include <openssl/crypto.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/overlay.h"
#include "bridge/rights/role.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/help.h"
#include "bridge/work/pair_code.h"
#include "bridge/work/paired.h"
#include "bridge/work/people.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"

/* -- The first account: a code -------------------------------------------------------------------------------------------------- */

static bool
tell(struct request *request, enum tone tone, const char *sentence)
{
	return request_reply(request, card_new(request->task->arena, tone, "%s", sentence));
}

static bool
give_code(struct request *request)
{
	struct task *task = request->task;
	const struct talk *talk = request->talk;
	const struct person *person = request->person;
	char code[TYPED_SIZE];

	if (!person)
		return task_fail(task, "refused: %s is nobody I know. Say pair from an account that I know. Access is given by: %s", request->from.account,
			help_admins(talk, task->arena));
	if (pairs_count(talk->pairs, person->name) >= PAIRED_EACH)
		return task_fail(task, "you have %d paired accounts, and more cannot be had; unpair one of them first", PAIRED_EACH);
	if (pairs_count(talk->pairs, NULL) >= PAIRED_MOST)
		return task_fail(task, "%d accounts are paired, and more I do not keep; tell %s", PAIRED_MOST, help_admins(talk, task->arena));
	if (!pair_code_make(talk->pair_codes, person->name, request->from.account, &request->place, code))
		return task_fail(task, "too many people are pairing accounts just now; ask again in 10 min");
	bool told = tell(request, TONE_WAITING, task_text(task, "You are %s by %s. From your other account, say to me in private within 10 min: pair %s. "
		"Never give it to anybody", person->name, request->from.account, code));
	OPENSSL_cleanse(code, sizeof code);
	return told;
}

/* -- The second one: says it, hears what that means, and says yes ------------------------------------------------------------------ */

static const char *
roles_text(struct arena *arena, const struct person *person)
{
	struct text text = text_in(arena, 200);

	for (size_t i = 0; i < person->roles.count; i++)
		text_printf(&text, "%s%s", !i ? person->roles.count == 1 ? "role " : "roles " : i + 1 == person->roles.count ? " and " : ", ", person->roles.each[i]);
	return text.length ? text.bytes : "no role";
}

static bool
wrong_code(struct request *request)
{
	struct task *task = request->task;

	pair_guessed_wrong(request->talk->pair_codes, request->from.account);
	unsigned left = pair_guesses_left(request->talk->pair_codes, request->from.account);
	if (!left) {
		log_warning("%s said %d wrong codes for pairing.", request->from.account, PAIR_GUESSES);
		operators_tell(request->talk, card_new(task->arena, TONE_BAD, "%s said %d wrong codes for pairing; for an hour none of theirs is looked at",
			request->from.account, PAIR_GUESSES), NULL);
	}
	return task_fail(task, "there is no such code: it is mistyped, was said before, or is older than 10 min. %u %s left", left, left == 1 ? "try" : "tries");
}

/* The person that a code is of, as they are now: what was theirs then may not be any more. */
static const struct person *
still_theirs(const struct request *request, const struct offer *offer)
{
	const struct person *person = rights_person(request->talk->rights, offer->account);

	return person && !strcmp(person->name, offer->person) ? person : NULL;
}

/* Whoever says it may not take it, and so may nobody else: it was said. */
static bool
spoil(struct request *request, struct offer *offer, const char *why)
{
	pair_code_end(offer);
	return task_fail(request->task, "refused: %s; the code counts no more", why);
}

static bool
take_code(struct request *request, const char *code)
{
	struct task *task = request->task;
	struct pair_codes *codes = request->talk->pair_codes;
	const struct person *already = request->person;

	if (!pair_guesses_left(codes, request->from.account))
		return task_fail(task, "refused: too many codes were wrong; none of yours is looked at within the next hour");
	struct offer *offer = pair_code_find(codes, code);
	if (!offer)
		return wrong_code(request);
	const struct person *person = still_theirs(request, offer);
	if (!person)
		return spoil(request, offer, task_text(task, "%s is no account of %s any more", offer->account, offer->person));
	if (already && !strcmp(already->name, person->name))
		return task_fail(task, "%s is your account already: say that from the other one", request->from.account);
	if (already)
		return spoil(request, offer, task_text(task, "%s is an account of %s", request->from.account, already->name));
	pair_code_claim(codes, offer, request->from.account);
	return tell(request, TONE_WAITING, task_text(task, "This makes %s an account of the person %s (%s, %s). If that is you: yes", request->from.account,
		person->name, offer->account, roles_text(task->arena, person)));
}

/* The first account hears of it too: whoever had it for a moment must not keep it so. */
static void
tell_all(const struct request *request, const struct place *first, const char *person, const char *by)
{
	struct arena *arena = request->task->arena;
	const char *account = request->from.account, *prefix = request->talk->prefix;

	outbox_say(request->talk->outbox, first, NULL, card_new(arena, TONE_GOOD, "%s is your account now, as it said yes. If that was not you: unpair %s",
		account, account));
	operators_tell(request->talk, card_new(arena, TONE_PLAIN, "%s paired %s with %s. Undo: %sunpair %s", person, by, account, prefix, account), NULL);
}

static bool
pair(struct request *request, struct offer *offer)
{
	struct task *task = request->task;
	const struct talk *talk = request->talk;
	const char *person = task_text(task, "%s", offer->person), *by = task_text(task, "%s", offer->account), *account = request->from.account;
	struct place first = { task_text(task, "%s", offer->link), task_text(task, "%s", offer->channel), NULL };
	struct audit_entry audit = record_entry(task->arena, request, "paired", "pair");
	int64_t now = clock_wall();

	audit.person = person;
	audit.result = task_text(task, "%s is an account of %s: asked for by %s, and said there", account, person, by);
	pair_code_end(offer);
	if (!pairs_add(task, talk->pairs, account, person, now, &audit))
		return task_fail(task, "it could not be written down, so nothing was paired: %s", task_text(task, "%s", task->error.text));
	people_changed(talk->people);
	log_info("%s is an account of %s now: paired by %s.", account, person, by);
	tell_all(request, &first, person, by);
	return tell(request, TONE_GOOD, task_text(task, "Paired. It may approve from %s. Undo: unpair %s", clock_ago(task->arena, now + RIGHTS_FRESH, now), account));
}

bool
pair_waits(const struct request *request)
{
	return !request->room && request->from.account && pair_code_claimed(request->talk->pair_codes, request->from.account);
}

bool
pair_yes_run(struct request *request)
{
	struct offer *offer = pair_code_claimed(request->talk->pair_codes, request->from.account);

	if (request->from.only_looks)
		return task_fail(request->task, "refused: I cannot prove well enough who you are: %s proves only what looks", request->from.proof);
	if (request->person)
		return spoil(request, offer, task_text(request->task, "%s is an account of %s", request->from.account, request->person->name));
	if (!still_theirs(request, offer))
		return spoil(request, offer, task_text(request->task, "%s is no account of %s any more", offer->account, offer->person));
	return pair(request, offer);
}

/* What others read is no secret: such a code counts no more. */
static bool
go_private(struct request *request, const char *code)
{
	struct task *task = request->task;
	struct place alone = request_alone(request);
	struct offer *offer = code ? pair_code_find(request->talk->pair_codes, code) : NULL;

	if (offer)
		pair_code_end(offer);
	if (code)
		return task_fail(task, "a code that others read counts no more; say pair from the first account again, and the new code to me in private");
	outbox_say(request->talk->outbox, &alone, NULL, card_new(task->arena, TONE_PLAIN, "Accounts are paired between the two of us. Say here: pair"));
	return tell(request, TONE_PLAIN, "that is between the two of us; I wrote to you in private");
}

bool
pair_run(struct request *request)
{
	const char *code = request_param(request, "CODE");

	if (!request->from.account || request->from.only_looks)
		return task_fail(request->task, "refused: only an account that I can prove, as for a change, is paired");
	if (request->task->dry)
		return task_would(request->task, "%s", code ? "take the code" : "give a code");
	if (request->room)
		return go_private(request, code);
	return code ? take_code(request, code) : give_code(request);
}

/* -- Undoing it ------------------------------------------------------------------------------------------------------------------- */

static bool
no_pair(struct request *request, const char *account)
{
	const struct rights *rights = request->talk->rights;
	const struct person *person = rights_person(rights, account);
	struct task *task = request->task;

	if (!person)
		return task_fail(task, "%s is no paired account", account);
	return task_fail(task, "%s is an account of %s by the %s; whoever keeps that can take it out", account, person->name,
		rights_configured(rights, account) ? "configuration" : "directory");
}

bool
unpair_run(struct request *request)
{
	struct task *task = request->task;
	const struct talk *talk = request->talk;
	const char *written = request_param(request, "ACCOUNT"), *proven = rights_proven_form(talk->rights, task->arena, written);
	const char *account = proven ? proven : written, *owner = pairs_person(talk->pairs, account);

	if (!request->person || request->from.only_looks)
		return task_fail(task, "refused: I cannot prove well enough who you are");
	if (!owner)
		return no_pair(request, account);
	bool theirs = !strcmp(owner, request->person->name);
	const char *person = task_text(task, "%s", owner);
	if (!theirs && !people_is_admin(request))
		return task_fail(task, "refused: %s is not your account; %s can unpair it", account, help_admins(talk, task->arena));
	if (task->dry)
		return task_would(task, "unpair %s", account);
	struct audit_entry audit = record_entry(task->arena, request, "unpaired", record_command(request));
	audit.result = task_text(task, "%s is no account of %s any more", account, person);
	if (!pairs_remove(task, talk->pairs, account, &audit))
		return false;
	people_changed(talk->people);
	operators_tell(talk, card_new(task->arena, TONE_PLAIN, "%s unpaired %s, which was an account of %s", request->person->name, account, person), NULL);
	return tell(request, TONE_GOOD, task_text(task, "Unpaired: %s is no account of %s any more", account, theirs ? "yours" : person));
}
