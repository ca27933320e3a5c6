/* typed: short codes that people read and type: 40 bits of chance, without look-alikes, as in R4TN-9HPC. */
#ifndef SALLYPORT_BASE_TYPED_H
#define SALLYPORT_BASE_TYPED_H

enum { TYPED_SIZE = 10, TYPED_HASH = 32 };

void typed_make(char code[TYPED_SIZE]);
/* What is kept of it: of what people type, in any case, with or without - */
void typed_hash(const char *code, unsigned char out[TYPED_HASH]);

#endif
