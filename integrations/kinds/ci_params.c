/* ci_params: whether what people give a job fits its parameters. */
#include "integrations/kinds/ci_params.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/pattern.h"
#include "bridge/base/text.h"
#include "integrations/kinds/ci.h"

enum {
	VALUE_MOST = 1000,              /* bytes */
	SHOWN_MOST = 60,
	CHOICES_SHOWN = 8,
};

const struct job_param *
ci_param(const struct job *job, const char *name)
{
	for (const struct job_param *param = job->params; param && param->name; param++)
		if (!strcmp(param->name, name))
			return param;
	return NULL;
}

static size_t
count(const char *const *choices)
{
	size_t number = 0;

	while (choices[number])
		number++;
	return number;
}

/* "staging, test or prod" */
static char *
choices_text(struct arena *arena, const char *const *choices)
{
	struct text text = text_in(arena, 400);
	size_t number = count(choices), shown = number > CHOICES_SHOWN ? CHOICES_SHOWN : number;

	for (size_t i = 0; i < shown; i++)
		text_printf(&text, "%s%s", !i ? "" : i + 1 < number ? ", " : " or ", choices[i]);
	if (shown < number)
		text_printf(&text, " or one of %zu others", number - shown);
	return text.bytes;
}

static bool
is_choice(const char *const *choices, const char *value)
{
	for (; *choices; choices++)
		if (!strcmp(*choices, value))
			return true;
	return false;
}

/* A program may take the first for an option, the second for the name of a file (threats X1). */
static bool
is_dangerous(const struct job_param *param, const char *value)
{
	return (*value == '-' || *value == '@') && !param->dash;
}

static bool
has_control(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return true;
	return false;
}

char *
ci_misfit(struct arena *arena, const struct job_param *param, const char *value)
{
	const char *shown = text_cut(arena, text_clean(arena, value, strlen(value)), SHOWN_MOST);

	if (strlen(value) > VALUE_MOST)
		return arena_printf(arena, "%s has more than %d bytes", param->name, VALUE_MOST);
	if (has_control(value) || !text_utf8(value, strlen(value)))
		return arena_printf(arena, "%s=%s holds characters that nobody can see", param->name, shown);
	if (param->choices)
		return is_choice(param->choices, value) ? NULL
			: arena_printf(arena, "%s=%s is not %s", param->name, shown, choices_text(arena, param->choices));
	if (is_dangerous(param, value))
		return arena_printf(arena, "%s=%s begins with %c, which %s may not", param->name, shown, *value, param->name);
	if (param->pattern && !pattern_matches(param->pattern, value))
		return arena_printf(arena, "%s=%s does not fit %s", param->name, shown,
			text_cut(arena, param->pattern_text ? param->pattern_text : "its pattern", SHOWN_MOST));
	return NULL;
}

char *
ci_wanted(struct arena *arena, const struct job_param *param)
{
	if (param->choices)
		return arena_printf(arena, "%s, %s", param->name, choices_text(arena, param->choices));
	if (param->about)
		return arena_printf(arena, "%s, %s", param->name, text_cut(arena, text_clean(arena, param->about, strlen(param->about)), SHOWN_MOST));
	return arena_text(arena, param->name);
}

const char *
ci_example(const struct job_param *param)
{
	if (param->choices && param->choices[0])
		return param->choices[0];
	return param->fallback ? param->fallback : "...";
}
