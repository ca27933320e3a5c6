/* elevate_verb: the verbs of roles that are taken for a while: elevate, unelevate, elevations, reviewed. */
#include "bridge/work/elevate_verb.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/role.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/elevation.h"
#include "bridge/work/living.h"
#include "bridge/work/people.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum { WHY_MOST = 300 };

/* -- elevate ------------------------------------------------------------------------------------------------------------------ */

static const struct elevate *
find(struct request *request)
{
	const struct elevates *elevates = request->talk->elevates;
	const char *role = request_param(request, ELEVATE_ROLE);
	const struct elevate *elevate = elevates_find(elevates, role);
	struct text roles = text_in(request->task->arena, 200);

	for (size_t i = 0; !elevate && i < elevates->count; i++)
		text_printf(&roles, "%s%s", i ? " or " : "", elevates->each[i]->role);
	if (!elevate && !elevates->count)
		task_fail(request->task, "no role may be taken for a while; the configuration has no section elevate");
	else if (!elevate)
		task_fail(request->task, "%s may not be taken for a while; what may: %s", role, roles.bytes);
	return elevate;
}

/* As people would write it. */
static const char *
longest_text(struct task *task, int64_t seconds)
{
	bool hours = !(seconds % 3600), minutes = !(seconds % 60);

	return task_text(task, "%lld%s", (long long)(hours ? seconds / 3600 : minutes ? seconds / 60 : seconds), hours ? "h" : minutes ? "m" : "s");
}

bool
elevate_resolve(struct request *request)
{
	struct task *task = request->task;
	const struct elevate *elevate = find(request);
	const char *span = request_param(request, "FOR");
	int64_t length;

	if (!elevate)
		return false;
	if (rights_has_role(request->talk->rights, request->person, elevate->role))
		return task_fail(task, "you have the role %s already", elevate->role);
	if (strlen(request_param(request, "REASON")) > WHY_MOST)
		return task_fail(task, "a reason has up to %d bytes", WHY_MOST);
	if (span && (!clock_parse_span(span, &length) || length < 1000 || length > elevate->longest))
		return task_fail(task, "for is a span of time up to %s, as in for=30m", clock_span(task->arena, elevate->longest));
	if (!span)
		request_set(request, "FOR", longest_text(task, elevate->longest / 1000));
	return true;
}

static struct card *
elevated_card(struct task *task, const struct talk *talk, const struct elevation *is)
{
	int64_t now = clock_wall();
	struct card *card = card_new(task->arena, TONE_BAD, "%s is %s until %s: %s", is->person, is->role, clock_ago(task->arena, is->until, now), is->why);

	card_state(card, is->id, "elevated");
	if (*is->approved)
		card_fact(card, NULL, "approved by %s", is->approved);
	if (*is->review)
		card_fact(card, NULL, "to be reviewed by %s", is->review);
	card->next = task_text(task, "end it: %sunelevate %s", talk->prefix, is->id);
	return card;
}

static bool
announce(struct request *request, const struct elevation *is)
{
	struct card *card = elevated_card(request->task, request->talk, is);

	if (!request->room || !request->room->operators)
		operators_tell(request->talk, card, NULL);
	return request_reply(request, card);
}

bool
elevate_run(struct request *request)
{
	struct task *task = request->task;
	struct elevations *elevations = request->talk->elevations;
	const struct elevate *elevate = find(request);
	int64_t length = 0, now = clock_wall();

	if (!elevate || !clock_parse_span(request_param(request, "FOR"), &length))
		return false;
	if (elevations_count(elevations) == ELEVATIONS_MOST)
		return task_fail(task, "%d are in force or wait for their review; %selevations shows them", ELEVATIONS_MOST, request->talk->prefix);
	if (task->dry)
		return task_would(task, "give you the role %s for %s", elevate->role, clock_span(task->arena, length));
	const struct living living = { .label = request->label, .room = request->room ? request->room->name : NULL, .place = request->place,
		.shown = request->from.shown, .account = request->from.account, .replies = request->own->replies_to, .asked = now };
	const struct elevation new = { .id = request->label, .person = request->person->name, .role = elevate->role, .why = request_param(request, "REASON"),
		.approved = request->own->approved ? request->own->approved : "", .review = elevate->review ? elevate->review : "",
		.about = living_json(task->arena, &living), .since = now, .until = now + length };
	if (!elevations_add(task, elevations, &new))
		return false;
	request_subject(request, new.role);
	return announce(request, &new);
}

bool
elevate_settle(struct request *request)
{
	const struct elevation *is = elevations_find(request->talk->elevations, request->label);
	struct card *card = card_new(request->task->arena, TONE_BAD, "nothing came of it: you have not got the role %s; ask again", request_param(request, ELEVATE_ROLE));

	card_state(card, request->label, "failed");
	return request_settle(request, is ? SETTLED_DONE : SETTLED_NEVER, is ? elevated_card(request->task, request->talk, is) : card);
}

/* -- What there is --------------------------------------------------------------------------------------------------------------- */

static const char *
line_of(struct arena *arena, const struct elevation *is)
{
	int64_t now = clock_wall();

	if (is->ended)
		return arena_printf(arena, "%s ended %s: %s was %s: %s; to be reviewed by %s", is->id, clock_ago(arena, is->ended, now), is->person, is->role, is->why,
			is->review);
	return arena_printf(arena, "%s %s is %s until %s: %s%s%s", is->id, is->person, is->role, clock_ago(arena, is->until, now), is->why,
		*is->approved ? ", approved by " : "", is->approved);
}

bool
elevate_list(struct request *request)
{
	struct arena *arena = request->task->arena;
	const struct elevations *elevations = request->talk->elevations;
	size_t count = elevations_count(elevations);

	if (!count)
		return request_reply(request, card_new(arena, TONE_PLAIN, "nobody has a role for a while, and nothing waits for a review"));
	if (count == 1)
		return request_reply(request, card_new(arena, TONE_WAITING, "%s", line_of(arena, elevations_at(elevations, 0))));
	struct card *card = card_new(arena, TONE_WAITING, "%zu roles for a while, in force or to be reviewed", count);
	for (size_t i = 0; i < count; i++)
		card_line(card, "%s", line_of(arena, elevations_at(elevations, i)));
	return request_reply(request, card);
}

/* The one that is named; NULL with a sentence. Only who is well proven changes anything. */
static const struct elevation *
named(struct request *request)
{
	const char *id = request_param(request, "ID");
	const struct elevation *is = elevations_find(request->talk->elevations, id);

	if (!request->person || request->from.only_looks)
		task_fail(request->task, "refused: I cannot prove well enough who you are");
	else if (!is)
		task_fail(request->task, "%s is no role for a while; %selevations shows them", id, request->talk->prefix);
	return request->task->error.text[0] ? NULL : is;
}

/* -- Giving it back, and looking at it afterwards -------------------------------------------------------------------------------- */

static bool
may_end(const struct request *request, const struct elevation *is)
{
	return !strcmp(request->person->name, is->person) || people_is_admin(request)
	    || (*is->review && rights_has_role_for_good(request->talk->rights, request->person, is->review));
}

bool
unelevate_run(struct request *request)
{
	struct task *task = request->task;
	const struct elevation *is = named(request);

	if (!is)
		return false;
	if (is->ended)
		return task_fail(task, "%s ended %s", is->id, clock_ago(task->arena, is->ended, clock_wall()));
	if (!may_end(request, is))
		return task_fail(task, "refused: %s may be ended by %s%s%s, or who gives rights", is->id, is->person, *is->review ? ", by a " : "", is->review);
	const char *what = task_text(task, "%s was %s", is->person, is->role), *id = task_text(task, "%s", is->id);
	if (task->dry)
		return task_would(task, "end %s: %s", id, what);
	struct audit_entry audit = record_entry(task->arena, request, "unelevated", record_command(request));
	audit.result = task_text(task, "%s %s", id, what);
	if (!elevations_end(task, request->talk->elevations, id, task_text(task, "ended by %s", request->person->name), &audit, request))
		return false;
	struct card *card = card_new(task->arena, TONE_GOOD, "%s", what);
	card_state(card, id, "ended");
	card->by = request->person->name;
	return request_reply(request, card);
}

bool
reviewed_run(struct request *request)
{
	struct task *task = request->task;
	const struct elevation *is = named(request);
	const char *note = request_param(request, "NOTE");

	if (!is)
		return false;
	if (!is->ended)
		return task_fail(task, "%s is in force until %s; it is reviewed when it has ended", is->id, clock_time(task->arena, is->until, clock_wall()));
	if (!strcmp(is->person, request->person->name))
		return task_fail(task, "refused: nobody reviews their own; a %s does", is->review);
	if (!rights_has_role_for_good(request->talk->rights, request->person, is->review))
		return task_fail(task, "refused: to review %s needs the role %s", is->id, is->review);
	const char *id = task_text(task, "%s", is->id), *what = task_text(task, "%s was %s for %s", is->person, is->role, clock_span(task->arena, is->ended - is->since));
	if (task->dry)
		return task_would(task, "note that %s was reviewed: %s", id, what);
	struct audit_entry audit = record_entry(task->arena, request, "reviewed", record_command(request));
	audit.result = task_text(task, "%s %s%s%s", id, what, note ? ": " : "", note ? note : "");
	if (!elevations_reviewed(task, request->talk->elevations, id, request->person->name, note, &audit))
		return false;
	struct card *card = card_new(task->arena, TONE_GOOD, "%s%s%s", what, note ? ". " : "", note ? note : "");
	card_state(card, id, "reviewed");
	card->by = request->person->name;
	if (!request->room || !request->room->operators)
		operators_tell(request->talk, card, NULL);
	return request_reply(request, card);
}
