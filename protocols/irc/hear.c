/* hear: what is said on IRC, as a message: who said it, proven by the server, and where. */
#include "protocols/irc/hear.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/text.h"
#include "bridge/talk/message.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/formatting.h"
#include "protocols/irc/identity.h"
#include "protocols/irc/line.h"
#include "protocols/irc/name.h"

enum { ID_MOST = 200, TAG_MOST = 64 };

/* A server may play back what was said while we were away. Time only narrows: it proves nothing. */
static bool
is_old(const struct irc_line *line, int64_t now)
{
	char value[TAG_MOST];
	int64_t said;

	return line_tag(line, "time", value, sizeof value) && line_time(value, &said) && now - said > HEARD_LATE;
}

static char *
lower(char *text)
{
	for (char *at = text; *at; at++)
		*at = (char)name_fold((unsigned char)*at, CASE_ASCII);
	return text;
}

/* Services that are away, or somebody who is not logged in, have many spellings; and an account is one word: anything else could be
 * read as another name somewhere (threats I3, I4). */
static bool
is_account(const char *account)
{
	return *account && strcmp(account, "*") && strcmp(account, "0") && strlen(account) <= ACCOUNT_MOST && text_utf8(account, strlen(account))
		&& strcspn(account, " /,\t\r\n") == strlen(account);
}

bool
hear_account(struct arena *arena, const char *link, const char *account, const char *proof, struct speaker *speaker)
{
	if (!is_account(account))
		return false;
	speaker->account = arena_printf(arena, "%s/%s", link, lower(arena_text(arena, account)));
	speaker->proof = arena_text(arena, proof);
	speaker->proven = true;
	return true;
}

/* Who it is: the account that the server put on this very message, and nothing else (threats I1, I3, I4). */
static void
prove(struct arena *arena, const struct hear *hear, const struct irc_line *line, struct speaker *speaker)
{
	char account[ACCOUNT_MOST + 1];

	speaker->proof = hear->unproven;
	if (hear->unproven)
		return;
	speaker->proof = arena_printf(arena, "you are not logged in to services on %s", hear->link);
	if (line_tag(line, "account", account, sizeof account))
		hear_account(arena, hear->link, account, "account-tag", speaker);
}

/* "<other> <sally> hello": somebody tells what another one tells of us. */
static bool
repeats_us(struct arena *arena, const struct hear *hear, const char *text)
{
	for (const char *end; *text == '<' && (end = strchr(text, '>')) && end[1] == ' '; text = end + 2)
		if (name_same(arena_slice(arena, text + 1, (size_t)(end - text - 1)), hear->nick, hear->channels->how))
			return true;
	return false;
}

enum heard
hear(struct arena *arena, const struct hear *hear, const struct irc_line *line, const char *origin, const char *target, const char *text,
	struct message *out)
{
	char nick[NAME_MOST + 1], id[ID_MOST + 1];
	bool direct = name_same(target, hear->nick, hear->channels->how);
	const struct channel *channel = direct ? NULL : channels_find(hear->channels, target);

	if (!name_of(origin, nick) || !text_utf8(nick, strlen(nick)))
		return HEARD_NOBODY;
	if (name_same(nick, hear->nick, hear->channels->how))
		return HEARD_OURSELVES;
	if (!direct && !channel)
		return HEARD_ELSEWHERE;
	if (line->action && !*text)
		return HEARD_NOBODY;
	if (line_tagged(line, "batch"))
		return HEARD_PLAYED_BACK;
	if (is_old(line, hear->now))
		return HEARD_OLD;
	if (line_tagged(line, "bot") || line_tagged(line, "draft/bot"))
		return HEARD_BOT;
	*out = (struct message){ .direct = direct, .place = { .link = arena_text(arena, hear->link),
		.channel = arena_text(arena, direct ? nick : channel->name) } };
	out->from.shown = arena_text(arena, nick);
	out->text = text_clean_lines(arena, text, strlen(text));
	out->styled = formatting_read(arena, text, strlen(text), line->action);
	out->repeats_us = repeats_us(arena, hear, out->text);
	out->aside = line->action;      /* "/me shrugs" is no command */
	if (line_tag(line, "msgid", id, sizeof id) && *id && text_utf8(id, strlen(id)))
		out->id = arena_text(arena, id);
	prove(arena, hear, line, &out->from);
	return HEARD;
}
