/* manual_mdoc: the option and verb lists of the manual pages, in the language of mandoc and groff. */
#ifndef SALLYPORT_CLI_MANUAL_MDOC_H
#define SALLYPORT_CLI_MANUAL_MDOC_H

struct arena;
struct text;
struct topics;

void mdoc_options(struct arena *, const struct topics *, struct text *out);
void mdoc_verbs(struct arena *, const struct topics *, struct text *out);

#endif
