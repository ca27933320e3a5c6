/* decide: whether a request may be carried out. */
#include "bridge/work/decide.h"

#include <stdio.h>

#include "bridge/base/clock.h"
#include "bridge/rights/freeze.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/frozen.h"
#include "bridge/work/lock.h"
#include "bridge/work/pause.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"

struct ask
decide_question(const struct request *request)
{
	return (struct ask){
		.account = request->from.account,
		.room = request->room ? request->room->name : NULL,
		.instance = request->instance ? request->instance->name : NULL,
		.verb = request->command->verb,
		.changes = command_needs_rule(request->command),
		.open = request->command->open,
		.args = request->args,
		.count = request->count,
	};
}

bool
decide_may(const struct request *request, struct decision *decision)
{
	struct ask ask = decide_question(request);

	rights_decide(request->talk->rights, &ask, decision);
	return decision->allowed;
}

static bool
may_freeze(const struct request *request)
{
	return request->instance && command_held(request->command) && request->talk->freezes;
}

void
decide_needs(const struct request *request, struct needs *needs)
{
	struct ask ask = decide_question(request);

	*needs = (struct needs){ 0 };
	if (request->talk->guards)
		guards_needs(request->talk->guards, &ask, needs);
	if (may_freeze(request))
		freezes_needs(request->talk->freezes, &ask, request->person, clock_wall(), needs);
}

const char *
decide_changed(const struct request *request, const char *then)
{
	struct task *task = request->task;
	struct ask ask = decide_question(request);
	struct needs needs;
	const char *freeze;

	decide_needs(request, &needs);
	enum policy policy = needs_still(task->arena, &needs, then);
	if (policy != POLICY_FROZEN)
		return policy == POLICY_SAME ? NULL : "other rules are in force than when it was asked";
	frozen_holds(task->arena, request->talk->freezes, &ask, request->person, clock_wall(), &freeze, NULL);
	return task_text(task, "%s, which was not asked for", freeze);
}

static struct hold
paused(const struct request *request)
{
	const struct pause *pause = request->command->always ? NULL : request->talk->pause;

	return (struct hold){ "paused", pause ? pause_why(pause, request->task->arena) : NULL, "resume ends it" };
}

static const char *
lock_on(const struct request *request)
{
	struct ask ask = decide_question(request);

	return command_held(request->command) && request->talk->locks ? locks_hold(request->talk->locks, request->task->arena, &ask) : NULL;
}

static struct hold
frozen(const struct request *request, struct decision *decision)
{
	struct task *task = request->task;
	struct ask ask = decide_question(request);
	struct hold hold = { "frozen", NULL, "freeze" };
	const char *why, *passes;

	if (!may_freeze(request))
		return hold;
	if (frozen_holds(task->arena, request->talk->freezes, &ask, request->person, clock_wall(), &why, &passes))
		hold.why = task_text(task, "%s is %s", record_words(request), why);
	else if (passes)
		snprintf(decision->rule, sizeof decision->rule, "%s; frozen, but %s", task_text(task, "%s", decision->rule), passes);
	return hold;
}

struct hold
decide_held(const struct request *request, struct decision *decision)
{
	struct hold hold = paused(request);

	if (!hold.why)
		hold = (struct hold){ "locked", lock_on(request), "locks" };
	return hold.why ? hold : frozen(request, decision);
}

const char *
decide_beside(const struct request *request)
{
	struct task *task = request->task;
	struct ask ask = decide_question(request);
	struct needs needs;
	const char *freeze = NULL, *lock = "";

	decide_needs(request, &needs);
	if (may_freeze(request))
		frozen_holds(task->arena, request->talk->freezes, &ask, request->person, clock_wall(), &freeze, NULL);
	if (freeze && request->talk->locks)
		lock = task_text(task, ", %s", lock_on(request) ? lock_on(request) : "no lock");
	const char *others = needs_text(task->arena, &needs);
	return task_text(task, "%s%s%s%s%s", *others ? ", " : "", others, lock, freeze ? ", " : "", freeze ? freeze : "");
}
