/* approved: a request that has all that it waited for: everything is looked at again, and it is carried out, once. */
#include "bridge/work/approved.h"

#include <openssl/crypto.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval_end.h"
#include "bridge/work/decide.h"
#include "bridge/work/perform.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"
#include "bridge/work/resume.h"
#include "bridge/work/waiting.h"

enum { AGAIN = 1000 };                  /* ms */

/* Whoever said yes must still be able to. */
static const char *
votes_hinder(struct task *task, const struct talk *talk, const struct waiting *waiting)
{
	struct vote still[VOTES_MOST];
	int64_t missing[NEED_MOST];

	for (size_t i = 0; i < waiting->vote_count; i++) {
		const char *account = waiting->votes[i].account;
		bool settled = !rights_account_fresh(talk->rights, account, clock_wall(), clock_mono());
		const struct person *person = settled ? rights_person(talk->rights, account) : NULL;
		still[i] = waiting->votes[i];
		still[i].meets = 0;
		for (size_t n = 0; person && !strcmp(person->name, still[i].person) && n < waiting->row.need_count; n++)
			if (rights_has_role_for_good(talk->rights, person, waiting->row.need[n].role))
				still[i].meets |= 1 << n;
	}
	vote_missing(&waiting->row, still, waiting->vote_count, missing);
	for (size_t n = 0; n < waiting->row.need_count; n++)
		if (missing[n])
			return task_text(task, "who approved it is no %s any more", waiting->row.need[n].role);
	return NULL;
}

/* Why it must not be carried out now, though it was approved; NULL: it may. Everything is looked at again. */
static const char *
hindrance(struct request *request, const struct waiting *waiting, struct decision *decision)
{
	struct task *task = request->task;
	struct intent again = waiting->intent;
	unsigned char hash[APPROVAL_HASH];

	intent_hash(&again);
	waiting_hash(&again, &waiting->row, hash);
	if (memcmp(again.hash, waiting->intent.hash, sizeof again.hash) || CRYPTO_memcmp(hash, waiting->row.hash, sizeof hash))
		return "what is stored is not what was approved";
	if (!request->person || strcmp(request->person->name, waiting->intent.person))
		return task_text(task, "%s is not %s any more", waiting->intent.account, waiting->intent.person);
	if (!request->command->run || (waiting->intent.room && !request->room))
		return "it cannot be carried out any more: the configuration has changed";
	if (!decide_may(request, decision))
		return decision->why[0] ? task_text(task, "%s", decision->why) : "no rule allows it any more";
	const char *why = decide_changed(request, waiting->row.needs);
	why = why ? why : votes_hinder(task, request->talk, waiting);
	if (why)
		return why;
	if (request->room && request->talk->gone && request->talk->gone(task, &request->place, request->from.account, request->talk->with))
		return task_text(task, "%s is in the room no more", waiting->intent.person);
	return decide_held(request, decision).why;
}

struct launching {
	int64_t intent;
	struct audit_entry audit;
	bool moved;
};

static bool
write_launching(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct launching *launching = with;

	(void)arena;
	if (!intent_move(db, launching->intent, "ready", "sent", &launching->moved, error))
		return false;
	return !launching->moved || (approval_done(db, launching->intent, error) && audit_write(db, &launching->audit, error));
}

static bool
launch(struct request *request, const struct waiting *waiting, const struct decision *decision)
{
	struct work *work = work_new(write_launching, sizeof(struct launching));
	struct launching *launching = work_with(work);
	struct arena *arena = work_arena(work);
	const char *votes = waiting_votes(arena, waiting);

	launching->intent = waiting->intent.id;
	launching->audit = record_entry(arena, request, "sent", record_command(request));
	launching->audit.intent = waiting->intent.id;
	launching->audit.decision = *votes ? arena_printf(arena, "approved: %s", votes) : "confirmed";
	launching->audit.rule = arena_text(arena, decision->rule);
	if (store_commit(request->task, work))
		return launching->moved;
	approval_end_by_itself(request->task, request->talk, waiting, "refused", task_text(request->task, "nothing ran, as it could not be written down first: %s",
		request->task->error.text));
	return false;
}

/* What was approved is not forgotten because it cannot be read just now. False: there is nothing to do any more. */
static bool
read_approved(struct task *task, int64_t intent, struct waiting *waiting)
{
	while (!waiting_of(task, intent, waiting)) {
		if (!task->error.text[0])
			return false;
		log_error("A request that was approved could not be read, and is tried again: %s", task->error.text);
		task->error.text[0] = '\0';
		if (!task_pause(task, AGAIN))
			return false;
	}
	return !strcmp(waiting->intent.state, "ready");
}

static void
run(struct task *task, void *with)
{
	const struct waiting_job *job = with;
	const struct talk *talk = job->talk;
	struct request_private own = { 0 };
	struct request request;
	struct waiting waiting;
	struct decision decision = { 0 };

	talk_hold(task, talk);
	if (!read_approved(task, job->intent, &waiting))
		return;
	task_number(task, waiting.intent.key);
	bool withdrawn = waiting_withdrawn(talk->approvals, waiting.intent.id);
	waiting_forget(talk->approvals, waiting.intent.id);
	if (!resume_request(task, talk, &waiting.intent, &request, &own)) {
		log_error("Request %s was approved, and its place cannot be read.", waiting.intent.key);
		return;
	}
	const char *why = withdrawn ? "what asked for it was taken back" : hindrance(&request, &waiting, &decision);
	if (why) {
		approval_end_by_itself(task, talk, &waiting, "refused", task_text(task, "%s. Nothing ran", why));
		return;
	}
	own.approved = waiting_votes(task->arena, &waiting);
	bool counted = manners_begin(talk->manners, request.from.account);
	if (launch(&request, &waiting, &decision))
		perform(&request, waiting.intent.id);
	if (counted)
		manners_end(talk->manners, request.from.account);
}

void
approved_run(const struct talk *talk, int64_t intent)
{
	if (!waiting_task(talk, "approved", intent, run))
		log_error("A request that was approved could not be begun: too much is going on. It is begun after the next start.");
}
