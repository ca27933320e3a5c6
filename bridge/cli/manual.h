/* manual: what the configuration may hold and what can be typed, printed from the tables: sallyport manual [NAME]. */
#ifndef SALLYPORT_CLI_MANUAL_H
#define SALLYPORT_CLI_MANUAL_H

struct arena;
struct text;

/* Tells of the one word, or of everything in short where there is none: lines of at most 80 columns. 0, or EX_USAGE with a sentence.
 * --options, --verbs: the lists of the manual pages, in mdoc. --names: what may be asked for, a name a line, for the completion of shells. */
int manual_tell(struct arena *, const char *const *words, struct text *out);

int manual_main(const char *const *words);      /* the same, printed */

#endif
