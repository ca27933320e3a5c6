/* say_talk: what somebody said in another chat, as lines of IRC. */
#include "protocols/irc/say.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/styled.h"
#include "protocols/irc/formatting.h"

enum { LINES = 10, FACT_MOST = 300, WHO_MOST = 32 };

static void
add_plain(struct styled *styled, const char *text)
{
	const struct span plain = { .style = 0 };

	styled_add(styled, &plain, text, strlen(text));
}

/* shot.png, image, 214 KB https://gw.corp.example/f/Q3XK (until tomorrow 14:40) */
static void
add_file(struct arena *arena, struct styled *styled, const struct mirrored *mirrored)
{
	const struct attached *file = mirrored->file;
	size_t kind = strcspn(file->type, "/");
	struct text text = text_in(arena, FACT_MOST);

	text_add(&text, text_cut(arena, text_clean(arena, file->name, strlen(file->name)), 100));
	if (kind)
		text_printf(&text, ", %.*s", (int)(kind < 20 ? kind : 20), text_clean(arena, file->type, strlen(file->type)));
	if (file->size >= 0)
		text_printf(&text, ", %s", text_size(arena, file->size));
	add_plain(styled, text.bytes);
	if (!mirrored->url)
		return;
	add_plain(styled, " ");
	styled_add_linked(styled, 0, mirrored->url, strlen(mirrored->url));
	add_plain(styled, arena_printf(arena, " (until %s)", clock_time(arena, mirrored->until, clock_wall())));
}

/* Whom the words name on purpose: as they do, and by the name of the account here. Ended by NULL. */
static const char *const *
meant(struct arena *arena, const struct mirrored *mirrored)
{
	const char **names = arena_take(arena, (2 * mirrored->mention_count + 1) * sizeof *names);

	for (size_t i = 0; i < mirrored->mention_count; i++) {
		names[2 * i] = mirrored->mentions[i].said;
		names[2 * i + 1] = mirrored_name(&mirrored->mentions[i]);
	}
	return names;
}

/* A name that its chat links to somebody is the one that they have here. */
static void
add_words(struct styled *styled, const struct mirrored *mirrored)
{
	for (size_t i = 0; i < mirrored->words->count; i++) {
		struct span span = mirrored->words->spans[i];
		for (size_t j = 0; span.account && j < mirrored->mention_count; j++)
			if (!strcmp(mirrored->mentions[j].said, span.account))
				span.text = mirrored_name(&mirrored->mentions[j]);
		styled_add(styled, &span, span.text, strlen(span.text));
	}
}

static struct styled *
sentence(struct arena *arena, const struct say *say, const struct mirrored *mirrored)
{
	struct styled *styled = styled_new(arena, mirrored->words && mirrored->words->emote && mirrored->kind == MESSAGE_SAID);

	if (mirrored->kind == MESSAGE_TAKEN_BACK)
		add_plain(styled, "took a message back");
	else if (mirrored->kind == MESSAGE_EDITED)
		add_plain(styled, "edited: ");
	else if (mirrored->to)
		add_plain(styled, arena_printf(arena, "to %s \"%s\": ", strcmp(mirrored->to, say->nick) ? mirrored->to : "me", mirrored->quote));
	if (mirrored->file)
		add_file(arena, styled, mirrored);
	else if (mirrored->words)
		add_words(styled, mirrored);
	return styled_defused(arena, styled, say_names(arena, say, styled_words(arena, styled), meant(arena, mirrored)));
}

struct said
say_talk(struct arena *arena, const struct say *say, const struct mirrored *mirrored)
{
	const char *name = text_cut(arena, text_clean(arena, mirrored->who, strlen(mirrored->who)), WHO_MOST), *who = say_without_pings(arena, say, name);
	const struct formatting how = { .who = who, .width = say_room(say) - (say->again ? strlen(say_resent) : 0),
		.lines = say->lines ? say->lines : LINES, .codes = true };
	struct formatted lines = formatting_write(arena, sentence(arena, say, mirrored), &how);
	struct said said = { .size = lines.count + 1 };

	said.each = arena_take(arena, (said.size + 1) * sizeof *said.each);
	for (size_t i = 0; i < lines.count; i++)
		said.each[said.count++] = (struct said_line){ "PRIVMSG", lines.each[i], false, false };
	if (say->again && said.count)
		said.each[said.count - 1].text = arena_printf(arena, "%s%s", said.each[said.count - 1].text, say_resent);
	if (lines.left)
		said.each[said.count++] = (struct said_line){ "PRIVMSG", arena_printf(arena, "<%s> ... and %s more, to be read on %s", who,
			text_size(arena, (int64_t)lines.left), mirrored->chat), false, false };
	return said;
}
