/* typed: short codes that people read and type. */
#include "bridge/base/typed.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stddef.h>
#include <stdlib.h>

enum { LETTERS = 8, MOST = 64 };

static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

void
typed_make(char code[TYPED_SIZE])
{
	unsigned char chance[LETTERS];
	size_t at = 0;

	if (RAND_bytes(chance, sizeof chance) != 1)
		abort();
	for (size_t i = 0; i < LETTERS; i++) {
		if (i == LETTERS / 2)
			code[at++] = '-';
		code[at++] = alphabet[chance[i] & 31];
	}
	code[at] = '\0';
}

void
typed_hash(const char *code, unsigned char out[TYPED_HASH])
{
	char plain[MOST];
	size_t length = 0;
	unsigned size;

	for (; *code && length < MOST; code++)
		if (*code != '-' && *code != ' ')
			plain[length++] = (char)toupper((unsigned char)*code);
	if (EVP_Digest(plain, length, out, &size, EVP_sha256(), NULL) != 1)
		abort();
}
