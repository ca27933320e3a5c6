/* colour: what a sender says with a colour. */
#include "integrations/receivers/colour.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct { const char *name; enum tone tone; } names[] = {
	{ "attention", TONE_BAD }, { "danger", TONE_BAD }, { "good", TONE_GOOD }, { "warning", TONE_WAITING },
	{ "red", TONE_BAD }, { "green", TONE_GOOD }, { "yellow", TONE_WAITING }, { "orange", TONE_WAITING },
};

/* Mostly red is bad, mostly green good, both of them together a warning. */
static enum tone
of_figures(unsigned red, unsigned green, unsigned blue)
{
	if (red > 120 && green > 100 && blue < 100 && red < 2 * green && green < red + red / 4)
		return TONE_WAITING;
	if (red > 120 && red > 2 * green && red > 2 * blue)
		return TONE_BAD;
	return green > 90 && green > red + red / 2 && green > blue ? TONE_GOOD : TONE_PLAIN;
}

static bool
is_hex(const char *text)
{
	return strlen(text) == 6 && strspn(text, "0123456789abcdefABCDEF") == 6;
}

enum tone
colour_tone(const char *colour)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcasecmp(names[i].name, colour))
			return names[i].tone;
	colour += *colour == '#';
	unsigned long rgb = is_hex(colour) ? strtoul(colour, NULL, 16) : 0;
	return of_figures((unsigned)(rgb >> 16 & 255), (unsigned)(rgb >> 8 & 255), (unsigned)(rgb & 255));
}
