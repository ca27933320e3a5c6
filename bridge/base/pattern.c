/* pattern: regular expressions from the configuration (PCRE2), with limits on what a match may cost. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "bridge/base/pattern.h"

#include <pcre2.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"

enum { STEPS = 20000, DEPTH = 500, HEAP_KIB = 64, LONGEST = 1000 };

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
	const char *expression;
};

static void
put_away(void *with)
{
	struct pattern *pattern = with;

	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
}

const struct pattern *
pattern_compile(struct arena *arena, const char *expression, struct error *error)
{
	struct pattern *pattern = arena_take(arena, sizeof *pattern);
	PCRE2_UCHAR reason[160];
	PCRE2_SIZE where = 0;
	int code = 0;

	if (strlen(expression) > LONGEST) {
		error_set(error, "a pattern has at most %d bytes", LONGEST);
		return NULL;
	}
	/* No \C, which could cut a character apart; the whole text, and the very end of it. */
	pattern->code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &code, &where, NULL);
	if (!pattern->code) {
		pcre2_get_error_message(code, reason, sizeof reason);
		error_set(error, "\"%s\" is no pattern: %s at character %zu", expression, (const char *)reason, (size_t)where + 1);
		return NULL;
	}
	pattern->limits = memory_got(pcre2_match_context_create(NULL));
	pcre2_set_match_limit(pattern->limits, STEPS);
	pcre2_set_depth_limit(pattern->limits, DEPTH);
	pcre2_set_heap_limit(pattern->limits, HEAP_KIB);
	pattern->expression = arena_text(arena, expression);
	arena_defer(arena, put_away, pattern);
	return pattern;
}

const char *
pattern_text(const struct pattern *pattern)
{
	return pattern->expression;
}

bool
pattern_matches(const struct pattern *pattern, const char *text)
{
	pcre2_match_data *data = memory_got(pcre2_match_data_create(1, NULL));
	int found = pcre2_match(pattern->code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, pattern->limits);

	pcre2_match_data_free(data);
	return found >= 0;
}
