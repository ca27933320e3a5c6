/* own: the verbs that are ours and no service's. */
#include "bridge/talk/own.h"

#include "bridge/talk/help.h"
#include "bridge/talk/more.h"
#include "bridge/talk/pause.h"
#include "bridge/talk/why.h"

const struct command own_commands[] = {
	{ .verb = "help", .usage = "[VERB|SERVICE]", .about = "shows what you may do here", .example = "help build",
		.params = { { "WORD", false, false } }, .run = help_run },
	{ .verb = "gateway", .usage = "", .about = "says how I am: links, services, what is going on", .example = "gateway", .run = help_gateway },
	{ .verb = "more", .usage = "[dm|file]", .about = "goes on with the last answer here; dm: all of it in private; file: all of it as a file", .example = "more",
		.params = { { "WHERE", false, false } }, .run = more_run },
	{ .verb = "pause", .care = CARE_CHANGE, .usage = "[REASON]", .about = "refuses everything that changes something, in every room, until resume",
		.example = "pause moving the database", .params = { { "REASON", false, true } }, .always = true, .run = pause_run, .settle = pause_settle },
	{ .verb = "ping", .usage = "[WORD]", .about = "answers, so you know I am here", .example = "ping",
		.params = { { "WORD", false, true } }, .same = true, .run = help_ping },
	{ .verb = "resume", .care = CARE_CHANGE, .usage = "", .about = "ends a pause", .example = "resume", .always = true, .run = resume_run,
		.settle = resume_settle },
	{ .verb = "whoami", .usage = "", .about = "says who you are to me, and how that was proven", .example = "whoami", .run = help_whoami },
	{ .verb = "why", .usage = "COMMAND", .about = "says which rule allows a command, or what is missing", .example = "why build web",
		.params = { { "COMMAND", true, true } }, .run = why_run },
	{ 0 }
};
