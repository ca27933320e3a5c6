/* decide: whether a request may be carried out. */
#include "bridge/talk/decide.h"

#include "bridge/talk/pause.h"
#include "bridge/talk/request.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

struct ask
decide_question(const struct request *request)
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

bool
decide_may(const struct request *request, struct decision *decision)
{
	struct ask ask = decide_question(request);

	rights_decide(request->talk->rights, &ask, decision);
	return decision->allowed;
}

void
decide_needs(const struct request *request, struct needs *needs)
{
	struct ask ask = decide_question(request);

	*needs = (struct needs){ 0 };
	if (request->talk->guards)
		guards_needs(request->talk->guards, &ask, needs);
}

const char *
decide_held(const struct request *request)
{
	if (request->command->always || !request->talk->pause)
		return NULL;
	return pause_why(request->talk->pause, request->task->arena);
}
