/* pair_code: the codes that are said from one account about another: for ten minutes, good once, in memory alone. */
#ifndef SALLYPORT_WORK_PAIR_CODE_H
#define SALLYPORT_WORK_PAIR_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/base/typed.h"

enum { PAIR_CODE_FOR = 10 * 60 * 1000, PAIR_GUESSES = 5 };      /* ms; wrong codes of an account within an hour */

struct place;

/* Somebody may say a code; who has said it may say yes. */
struct offer {
	char *person, *account;         /* who asked for it, and from which account */
	char *link, *channel;           /* where they hear of it */
	unsigned char hash[TYPED_HASH];
	int64_t ends;                   /* mono ms; 0: there is none here */
	char *claimed;                  /* the account that said the code, which is spent; NULL: none has */
};

struct pair_codes;
struct pair_codes *pair_codes_new(void);
void pair_codes_free(struct pair_codes *);

/* In place of an older one of theirs. False: too many people are at it just now. */
bool pair_code_make(struct pair_codes *, const char *person, const char *account, const struct place *, char code[TYPED_SIZE]);
struct offer *pair_code_find(struct pair_codes *, const char *code);   /* one that nobody has said yet; NULL: there is none */
void pair_code_claim(struct pair_codes *, struct offer *, const char *account);
struct offer *pair_code_claimed(struct pair_codes *, const char *account);     /* by that account; NULL: none */
void pair_code_end(struct offer *);

/* How many wrong codes the account may still say. */
unsigned pair_guesses_left(const struct pair_codes *, const char *account);
void pair_guessed_wrong(struct pair_codes *, const char *account);

#endif
