/* code_verb: what people do about one-time codes: !code in private, and for administrators !code enrol and !code reset.
 *
 * A secret is told to nobody but the person, in private, once: no row, no log and no record has it, and from then on it is redacted. */
#include "bridge/work/code_verb.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval.h"
#include "bridge/work/code.h"
#include "bridge/work/help.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"

static struct code_now
now(void)
{
	return (struct code_now){ clock_wall(), clock_mono() };
}

static const char *
ago(struct request *request, int64_t wall)
{
	return clock_ago(request->task->arena, wall, clock_wall());
}

/* -- What is known of somebody ---------------------------------------------------------------------------------------- */

struct looking {
	const char *person;
	struct code_now now;
	struct code code;
};

static bool
look(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct looking *looking = with;

	return code_read(db, looking->person, looking->now, arena, &looking->code, error);
}

/* Lives as long as the task. */
static const struct code *
code_of(struct request *request, const char *person)
{
	struct work *work = work_new(look, sizeof(struct looking));
	struct looking *looking = work_with(work);

	looking->person = arena_text(work_arena(work), person);
	looking->now = now();
	return store_commit(request->task, work) ? &looking->code : NULL;
}

/* Lines of a talk between two: said here, and kept by nobody. */
static bool
tell(struct request *request, enum tone tone, const char *sentence)
{
	request_say(request, card_new(request->task->arena, tone, "%s", sentence));
	return true;
}

static const char *
how_to_enrol(struct request *request)
{
	return task_text(request->task, "Your one-time codes are not set up. %s can let you do it: %scode enrol %s", help_admins(request->talk, request->task->arena),
		request->talk->prefix, request->person->name);
}

static bool
say_state(struct request *request)
{
	struct task *task = request->task;
	const struct code *code = code_of(request, request->person->name);
	const char *sentence = NULL;

	if (!code)
		return false;
	if (code->state == CODE_NONE)
		sentence = how_to_enrol(request);
	else if (code->state == CODE_ALLOWED)
		sentence = task_text(task, "%s lets you set up one-time codes until %s. Say here: code begin", code->by, ago(request, code->since + CODE_ENROL_WITHIN));
	else if (code->state == CODE_BEGUN)
		sentence = task_text(task, "Your one-time codes are not set up yet: say here the code that your app shows now, until %s. From the start: code begin",
			ago(request, code->since + CODE_ENROL_WITHIN));
	else
		sentence = task_text(task, "Your one-time codes are set up since %s, by leave of %s%s%s", ago(request, code->since), code->by,
			code->right > code->since ? ". The last right one: " : "", code->right > code->since ? ago(request, code->right) : "");
	if (code->blocked)
		sentence = task_text(task, "%s. No code of yours is looked at until %s: too many were wrong", sentence, ago(request, code->blocked));
	return tell(request, code->blocked ? TONE_BAD : code->state == CODE_ENROLLED ? TONE_GOOD : TONE_WAITING, sentence);
}

/* -- The secret ------------------------------------------------------------------------------------------------------- */

struct beginning {
	const struct seal *seal;
	const char *person;
	struct code_now now;
	struct audit_entry said;
	unsigned char secret[TOTP_SECRET];
};

static bool
write_beginning(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct beginning *beginning = with;

	return code_begin(db, beginning->seal, beginning->person, beginning->now, &beginning->said, beginning->secret, arena, error);
}

/* What is said is redacted when it is handed on: so that comes first, and from then on the secret is hidden wherever it might turn up. */
static void
tell_secret(struct request *request, const unsigned char secret[TOTP_SECRET])
{
	struct task *task = request->task;
	struct place alone = request_alone(request);
	char *base32 = totp_base32(task->arena, secret), *uri = totp_uri(task->arena, secret, request->talk->name, request->person->name);
	struct card *card = card_new(task->arena, TONE_WAITING, "Give this to your authenticator app, and to nobody else; then delete this message");

	card_line(card, "%s", uri);
	card_line(card, "By hand: %s (by time, 6 digits, every 30 s)", base32);
	card_line(card, "Then say here the code that it shows: from that one on your codes count.");
	outbox_say(request->talk->outbox, &alone, NULL, card);
	totp_hide(secret);
	secret_wipe(base32, strlen(base32));
	secret_wipe(uri, strlen(uri));
}

static bool
begin(struct request *request)
{
	struct task *task = request->task;
	struct work *work = work_new(write_beginning, sizeof(struct beginning));
	struct beginning *beginning = work_with(work);
	struct arena *arena = work_arena(work);

	beginning->seal = request->talk->seal;
	beginning->person = arena_text(arena, request->person->name);
	beginning->now = now();
	beginning->said = record_entry(arena, request, NULL, NULL);
	if (!store_commit(task, work))
		return task_fail(task, "%s. %scode says how it stands", task_text(task, "%s", task->error.text), request->talk->prefix);
	tell_secret(request, beginning->secret);
	secret_wipe(beginning->secret, sizeof beginning->secret);
	return true;
}

/* -- A code ----------------------------------------------------------------------------------------------------------- */

static bool
write_try(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return code_check(db, with, arena, error);
}

/* Somebody may be guessing with an account that was taken. */
static void
tell_operators(struct request *request, const struct code_try *try)
{
	operators_tell(request->talk, card_new(request->task->arena, TONE_BAD, "%d one-time codes of %s were wrong within 10 min; none is looked at until %s (%s)",
		CODE_TRIES, try->person, ago(request, try->until), request->from.account), NULL);
}

static const char *
wrong(struct request *request, const struct code_try *try)
{
	struct task *task = request->task;
	const char *why = try->used ? "That code was used before" : "Not right";

	if (!try->left)
		return task_text(task, "%s. No code of yours is looked at until %s: %d were wrong", why, ago(request, try->until), CODE_TRIES);
	return task_text(task, "%s, %u %s left; wait for the next code", why, try->left, try->left == 1 ? "try" : "tries");
}

/* What waited for it goes on. */
static bool
right(struct request *request, const struct code_try *try)
{
	const char *on = try->proven ? "" : approval_code_given(request);

	if (try->proven)
		return tell(request, TONE_GOOD, "Right. Your one-time codes are set up, and count from now on");
	return tell(request, TONE_GOOD, task_text(request->task, "Right, and spent%s%s%s", *on ? ". " : "", on, *on ? " goes on" : ""));
}

static bool
answer(struct request *request, const struct code_try *try)
{
	struct task *task = request->task;

	switch (try->answer) {
	case CODE_RIGHT:
		return right(request, try);
	case CODE_WRONG:
		return tell(request, TONE_BAD, wrong(request, try));
	case CODE_BLOCKED:
		return tell(request, TONE_BAD, task_text(task, "Not looked at: too many were wrong. Codes of yours count again from %s", ago(request, try->until)));
	case CODE_NOT_ENROLLED:
		return tell(request, TONE_BAD, how_to_enrol(request));
	case CODE_UNREADABLE:
		return tell(request, TONE_BAD, task_text(task, "Your codes cannot be checked; whoever runs me finds why in the log. %s can set them up anew: %scode reset %s",
			help_admins(request->talk, task->arena), request->talk->prefix, request->person->name));
	}
	return false;
}

static bool
give(struct request *request)
{
	struct work *work = work_new(write_try, sizeof(struct code_try));
	struct code_try *try = work_with(work);
	struct arena *arena = work_arena(work);

	try->person = arena_text(arena, request->person->name);
	memcpy(try->digits, request_code(request), sizeof try->digits);
	try->now = now();
	try->said = record_entry(arena, request, NULL, NULL);
	try->seal = request->talk->seal;
	if (!store_commit(request->task, work))
		return false;
	if (try->answer == CODE_UNREADABLE)
		log_error("%s", try->why);
	if (try->answer == CODE_WRONG && !try->left)
		tell_operators(request, try);
	return answer(request, try);
}

/* -- Everybody's ------------------------------------------------------------------------------------------------------ */

/* What others read is no secret: who asked is written to where nobody else is. */
static bool
go_private(struct request *request)
{
	struct place alone = request_alone(request);

	outbox_say(request->talk->outbox, &alone, NULL,
		card_new(request->task->arena, TONE_PLAIN, "One-time codes are between the two of us. Say here: code, code begin, or the six digits"));
	return request_reply(request, card_new(request->task->arena, request_code(request) ? TONE_BAD : TONE_PLAIN, "%s",
		request_code(request) ? "a code that others read does not count: wait for the next one, and say it to me alone. I wrote to you in private"
			: "that is between the two of us; I wrote to you in private"));
}

bool
code_run(struct request *request)
{
	struct task *task = request->task;
	const char *what = request_param(request, "WHAT");

	if (!request->person || request->from.only_looks)
		return task_fail(task, "refused: one-time codes are for persons whose account I can prove as for a change");
	if (request_code(request))
		request_take_away(request);
	if (request->room)
		return go_private(request);
	if (task->dry)
		return task_would(task, "do that, but a code cannot be tried out");
	if (request_code(request))
		return give(request);
	if (!what)
		return say_state(request);
	if (!strcasecmp(what, "begin"))
		return begin(request);
	return task_fail(task, "a code has six digits: code 492 817. Else it is code, or code begin");
}

/* -- Administrators' -------------------------------------------------------------------------------------------------- */

static bool
is_admin(const struct request *request, const char *person)
{
	const struct list *admins = rights_admins(request->talk->rights);

	for (size_t i = 0; i < admins->count; i++)
		if (!strcmp(admins->each[i], person))
			return true;
	return false;
}

/* Another one who could do it: an account of theirs is known. NULL: there is none. */
static const char *
other_admin(const struct request *request)
{
	const struct list *admins = rights_admins(request->talk->rights);

	for (size_t i = 0; i < admins->count; i++) {
		const struct person *admin = rights_person_named(request->talk->rights, admins->each[i]);
		if (admin && strcmp(admin->name, request->person->name) && rights_account(request->talk->rights, admin))
			return admin->name;
	}
	return NULL;
}

static bool
resets(const struct request *request)
{
	return !strcasecmp(request_param(request, "WHAT"), "reset");
}

/* Who has left is reset too, so that person need not be known any more. */
static bool
check_state(struct request *request, const char *person)
{
	struct task *task = request->task;
	const struct code *code = code_of(request, person);

	if (!code)
		return false;
	if (resets(request) && code->state == CODE_NONE)
		return task_fail(task, "%s has no one-time codes", person);
	if (!resets(request) && code->state == CODE_ENROLLED)
		return task_fail(task, "the one-time codes of %s are set up since %s. For another telephone: %scode reset %s first", person, ago(request, code->since),
			request->talk->prefix, person);
	return true;
}

bool
code_admin_resolve(struct request *request)
{
	struct task *task = request->task;
	const char *person = request_param(request, "PERSON"), *other = other_admin(request);
	const struct person *known = rights_person_named(request->talk->rights, person);

	if (!is_admin(request, request->person->name))
		return task_fail(task, "refused: codes are set up and reset by: %s", help_admins(request->talk, task->arena));
	if (!known && !resets(request))
		return task_fail(task, "no person is called %s in my configuration", person);
	if (known && !strcmp(known->name, request->person->name) && other)
		return task_fail(task, "refused: nobody does that for themselves while somebody else can: %s", other);
	return check_state(request, known ? known->name : person);
}

struct changing {
	const char *person, *by;
	bool resets;
	struct code_now now;
};

static bool
write_change(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct changing *changing = with;

	(void)arena;
	if (changing->resets)
		return code_reset(db, changing->person, error);
	return code_allow(db, changing->person, changing->by, changing->now, error);
}

static bool
say_changed(struct request *request, const char *person)
{
	struct task *task = request->task;
	bool alone = !strcmp(person, request->person->name);
	struct card *card = resets(request)
		? card_new(task->arena, TONE_GOOD, "The one-time codes of %s are gone; none counts any more. New ones: %scode enrol %s", person, request->talk->prefix, person)
		: card_new(task->arena, TONE_GOOD, "%s may set up one-time codes until %s: by saying code begin to me in private%s", person,
			ago(request, clock_wall() + CODE_ENROL_WITHIN), alone ? ". There is no second administrator to look at this" : "");

	card->by = request->from.shown;
	if (!request->room || !request->room->operators)
		operators_tell(request->talk, card, NULL);
	return request_reply(request, card);
}

bool
code_admin_run(struct request *request)
{
	struct task *task = request->task;
	const char *person = request_param(request, "PERSON");

	if (task->dry)
		return task_would(task, "%s %s", resets(request) ? "take away the one-time codes of" : "let one-time codes be set up by", person);
	struct work *work = work_new(write_change, sizeof(struct changing));
	struct changing *changing = work_with(work);
	*changing = (struct changing){ arena_text(work_arena(work), person), arena_text(work_arena(work), request->person->name), resets(request), now() };
	return store_commit(task, work) && say_changed(request, person);
}

/* After a crash in between: whether it is as it was asked for. */
bool
code_admin_settle(struct request *request)
{
	const char *person = request_param(request, "PERSON");
	const struct code *code = code_of(request, person);

	if (!code)
		return false;
	bool done = resets(request) ? code->state == CODE_NONE : code->state != CODE_NONE;
	return request_settle(request, done ? SETTLED_DONE : SETTLED_NEVER, card_new(request->task->arena, done ? TONE_GOOD : TONE_BAD, "%s %s",
		resets(request) ? done ? "The one-time codes are gone of" : "The one-time codes are still there of" : done ? "One-time codes may be set up by"
			: "One-time codes may not be set up by", person));
}
