/* own: the verbs that are ours and no service's. */
#include "bridge/work/own.h"

#include <strings.h>

#include "bridge/work/audited.h"
#include "bridge/rights/elevate.h"
#include "bridge/work/code_verb.h"
#include "bridge/work/elevate_verb.h"
#include "bridge/work/frozen.h"
#include "bridge/work/help.h"
#include "bridge/work/lock_verb.h"
#include "bridge/work/more.h"
#include "bridge/work/pair.h"
#include "bridge/work/pause.h"
#include "bridge/work/vote.h"
#include "bridge/work/why.h"

static const char *const of_administrators[] = { "enrol", "reset", NULL };

const struct command own_commands[] = {
	{ .verb = "approvals", .decides = true, .usage = "", .about = "lists what waits for a yes", .example = "approvals", .run = approvals_run },
	{ .verb = "approve", .decides = true, .care = CARE_DECIDE, .usage = "ID|CODE", .about = "says yes to what somebody asked for", .example = "approve B31",
		.sign = "\U0001f44d", .params = { { "ID", true, false } }, .run = approve_run },
	{ .verb = "audit", .usage = "[PERSON|ID] [since=WHEN]", .about = "shows who did what, the newest first; WHEN: today, 2026-12-01, 12h ago",
		.example = "audit alice since=7d", .params = { { "WHO", false, false }, { "SINCE", false, false } }, .guarded = true, .certain = true,
		.run = audited_run },
	{ .verb = "deny", .decides = true, .care = CARE_DECIDE, .usage = "ID|CODE [REASON]", .about = "says no to it, or takes back what you asked for yourself",
		.example = "deny B31 wait for the cart fix", .sign = "\U0001f44e", .params = { { "ID", true, false }, { "REASON", false, true } }, .run = deny_run },
	{ .verb = "code", .care = CARE_CHANGE, .only = of_administrators, .usage = "enrol|reset PERSON",
		.about = "lets somebody set up one-time codes within a day; takes theirs away", .example = "code enrol alice",
		.params = { { "WHAT", true, false }, { "PERSON", true, false } }, .always = true, .resolve = code_admin_resolve, .run = code_admin_run,
		.settle = code_admin_settle },
	{ .verb = "code", .usage = "[begin|DIGITS]", .about = "in private: whether your one-time codes are set up; begin: sets them up; DIGITS: gives one",
		.example = "code begin", .params = { { "WHAT", false, true } }, .alone = true, .certain = true, .run = code_run },
	{ .verb = "elevate", .care = CARE_CHANGE, .elevates = true, .letter = 'E', .usage = "ROLE [for=SPAN] REASON", .about = "gives you a role for a while, in an emergency",
		.example = "elevate sre for=30m db1 is down", .params = { { ELEVATE_ROLE, true, false }, { "REASON", true, true }, { "FOR", false, false } },
		.always = true, .resolve = elevate_resolve, .run = elevate_run, .settle = elevate_settle },
	{ .verb = "elevations", .elevates = true, .usage = "", .about = "lists roles for a while: those in force, and those to be reviewed", .example = "elevations",
		.run = elevate_list },
	{ .verb = "freeze", .usage = "", .about = "says what is frozen, until when and why, or when it will be", .example = "freeze", .run = frozen_run },
	{ .verb = "help", .usage = "[VERB|SERVICE]", .about = "shows what you may do here", .example = "help build",
		.params = { { "WORD", false, false } }, .run = help_run },
	{ .verb = "gateway", .usage = "", .about = "says how I am: links, services, what is going on", .example = "gateway", .run = help_gateway },
	{ .verb = "lock", .care = CARE_CHANGE, .letter = 'L', .usage = "TARGET [until=TIME|for=SPAN] REASON",
		.about = "holds up what would change a target: a service, a value of an argument, SERVICE/VALUE, with * and ?; until its time or unlock",
		.example = "lock prod for=2h migrating carts", .params = { { "TARGET", true, false }, { "REASON", true, true }, { "UNTIL", false, false },
		{ "FOR", false, false } }, .always = true, .resolve = lock_resolve, .run = lock_run, .settle = lock_settle },
	{ .verb = "locks", .usage = "", .about = "shows what is locked, by whom, until when and why", .example = "locks", .run = lock_list },
	{ .verb = "more", .usage = "[dm|file]", .about = "goes on with the last answer here; dm: all of it in private; file: all of it as a file", .example = "more",
		.params = { { "WHERE", false, false } }, .run = more_run },
	{ .verb = "pair", .usage = "[CODE]", .about = "in private: makes another account yours; CODE: what I gave you there", .example = "pair",
		.params = { { "CODE", false, false } }, .alone = true, .certain = true, .open = true, .run = pair_run },
	{ .verb = "pause", .care = CARE_CHANGE, .usage = "[REASON]", .about = "refuses everything that changes something, in every room, until resume",
		.example = "pause moving the database", .params = { { "REASON", false, true } }, .always = true, .run = pause_run, .settle = pause_settle },
	{ .verb = "ping", .usage = "[WORD]", .about = "answers, so you know I am here", .example = "ping",
		.params = { { "WORD", false, true } }, .same = true, .run = help_ping },
	{ .verb = "resume", .care = CARE_CHANGE, .usage = "", .about = "ends a pause", .example = "resume", .always = true, .run = resume_run,
		.settle = resume_settle },
	{ .verb = "reviewed", .elevates = true, .usage = "ID [NOTE]", .about = "says that you have looked at what was done with a role for a while",
		.example = "reviewed E3 all as it should be", .params = { { "ID", true, false }, { "NOTE", false, true } }, .certain = true, .run = reviewed_run },
	{ .verb = "unelevate", .elevates = true, .usage = "ID", .about = "ends a role for a while", .example = "unelevate E3",
		.params = { { "ID", true, false } }, .certain = true, .run = unelevate_run },
	{ .verb = "unlock", .care = CARE_CHANGE, .usage = "TARGET|ID", .about = "releases a lock; who may lock may say it, and the configuration says whose",
		.example = "unlock prod", .params = { { "TARGET", true, false } }, .always = true, .resolve = unlock_resolve, .run = unlock_run,
		.settle = unlock_settle },
	{ .verb = "unpair", .usage = "ACCOUNT", .about = "gives up an account that you paired", .example = "unpair corp/alice",
		.params = { { "ACCOUNT", true, false } }, .alone = true, .certain = true, .run = unpair_run },
	{ .verb = "whoami", .usage = "", .about = "says who you are to me, and how that was proven", .example = "whoami", .run = help_whoami },
	{ .verb = "why", .usage = "COMMAND", .about = "says which rule allows a command, or what is missing", .example = "why build web",
		.params = { { "COMMAND", true, true } }, .run = why_run },
	{ .verb = "yes", .decides = true, .care = CARE_DECIDE, .usage = "", .about = "confirms what you have just asked for, or been asked", .example = "yes",
		.open = true, .run = yes_run },
	{ 0 }
};

static bool
is_meant(const struct command *command, const struct words *words)
{
	if (!command->only)
		return true;
	for (size_t i = 0; words->count > 1 && command->only[i]; i++)
		if (!strcasecmp(command->only[i], words->each[1]))
			return true;
	return false;
}

const struct command *
own_find(const struct words *words)
{
	for (const struct command *own = own_commands; words->count && own->verb; own++)
		if (!strcasecmp(own->verb, words->each[0]) && is_meant(own, words))
			return own;
	return NULL;
}
