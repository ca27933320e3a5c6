/* alerts_severity: how bad it is, in the words of many services and in ours. */
#include <strings.h>

#include "integrations/kinds/alerts.h"

static const struct { const char *word; enum severity severity; } words[] = {
	{ "alert",       SEVERITY_CRITICAL }, { "average",        SEVERITY_ERROR },   { "crit",          SEVERITY_CRITICAL }, { "critical", SEVERITY_CRITICAL },
	{ "debug",       SEVERITY_INFO },     { "disaster",       SEVERITY_CRITICAL }, { "down",         SEVERITY_CRITICAL }, { "emerg",    SEVERITY_CRITICAL },
	{ "emergency",   SEVERITY_CRITICAL }, { "err",            SEVERITY_ERROR },   { "error",         SEVERITY_ERROR },    { "fatal",    SEVERITY_CRITICAL },
	{ "high",        SEVERITY_ERROR },    { "info",           SEVERITY_INFO },    { "informational", SEVERITY_INFO },     { "information", SEVERITY_INFO },
	{ "low",         SEVERITY_INFO },     { "major",          SEVERITY_ERROR },   { "medium",        SEVERITY_WARNING },  { "minor",    SEVERITY_WARNING },
	{ "moderate",    SEVERITY_WARNING },  { "notice",         SEVERITY_INFO },    { "p1",            SEVERITY_CRITICAL }, { "p2",       SEVERITY_ERROR },
	{ "p3",          SEVERITY_WARNING },  { "p4",             SEVERITY_INFO },    { "p5",            SEVERITY_INFO },     { "page",     SEVERITY_CRITICAL },
	{ "sev0",        SEVERITY_CRITICAL }, { "sev1",           SEVERITY_CRITICAL }, { "sev2",         SEVERITY_ERROR },    { "sev3",     SEVERITY_WARNING },
	{ "sev4",        SEVERITY_INFO },     { "severe",         SEVERITY_CRITICAL }, { "warn",         SEVERITY_WARNING },  { "warning",  SEVERITY_WARNING },
};

static const char *const names[] = { "", "info", "warning", "error", "critical" };

const char *
alerts_severity_word(enum severity severity)
{
	return names[severity];
}

enum severity
alerts_severity(const char *word)
{
	for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
		if (!strcasecmp(words[i].word, word))
			return words[i].severity;
	return SEVERITY_NONE;
}
