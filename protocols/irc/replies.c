/* replies: standard replies: FAIL, WARN and NOTE, and what a FAIL ends. */
#include "protocols/irc/replies.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "protocols/irc/delivery.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/reactions.h"

enum {
	LOGGED_MOST = 50,               /* of one connection */
	WORD_MOST = 40, WORDS_MOST = 200,
};

static const char *
shown(struct arena *arena, const char *text, size_t most)
{
	return text_cut(arena, text_clean(arena, text, strlen(text)), most);
}

static void
write_log(struct presence *at)
{
	const struct irc_line *line = &at->line;
	struct arena *arena = arena_new();
	const char *about = shown(arena, line_param(line, 0), WORD_MOST), *code = shown(arena, line_param(line, 1), WORD_MOST);
	const char *said = shown(arena, line_last(line), WORDS_MOST);

	if (!strcmp(line->command, "NOTE"))
		log_info("%s: the server notes on %s: %s (%s)", at->link->name, about, said, code);
	else
		log_warning("%s: the server %s %s: %s (%s)", at->link->name, *line->command == 'F' ? "refused" : "warns of", about, said, code);
	arena_free(arena);
}

/* What is named between the code and the sentence. */
static void
end_words(struct presence *at)
{
	const struct irc_line *line = &at->line;

	for (size_t i = 2; i + 1 < line->count; i++)
		if (delivery_refused(at, line->params[i], line_last(line)))
			return;
	if (!strcmp(line_param(line, 0), "BATCH"))
		delivery_refused(at, NULL, line_last(line));
}

static void
end_as(struct presence *at, const char *numeric)
{
	const char *params[] = { at->nick, line_param(&at->line, 2), line_last(&at->line) };

	reactions_take(at, numeric, at->server, params, 3);
	presence_act(at);
}

static void
end_join(struct presence *at)
{
	end_as(at, "473");
}

static void
end_nick(struct presence *at)
{
	end_as(at, "433");
}

/* What a FAIL about that command ends. */
static const struct { const char *command; void (*call)(struct presence *); } ends[] = {
	{ "BATCH",   end_words },
	{ "JOIN",    end_join },
	{ "NICK",    end_nick },
	{ "NOTICE",  end_words },
	{ "PRIVMSG", end_words },
};

void
replies_take(struct presence *at)
{
	const struct irc_line *line = &at->line;

	if (line->count < 3)
		return;
	if (at->replies++ < LOGGED_MOST)
		write_log(at);
	/* One with a label has reached whom it was for. */
	for (size_t i = 0; i < sizeof ends / sizeof *ends && !strcmp(line->command, "FAIL") && !line_tagged(line, "label"); i++)
		if (!strcmp(ends[i].command, line->params[0]))
			ends[i].call(at);
}
