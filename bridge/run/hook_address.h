/* hook_address: where the listener listens: reading that, and the socket. */
#ifndef SALLYPORT_RUN_HOOK_ADDRESS_H
#define SALLYPORT_RUN_HOOK_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct error;

struct hook_address {
	struct sockaddr_storage socket;
	socklen_t length;
	int port;
	bool read;                      /* it was understood */
};

/* ADDRESS:PORT or [ADDRESS]:PORT, in numbers, or unix:PATH. False with a sentence. */
bool hook_address_read(const char *written, struct hook_address *, struct error *);
int hook_address_open(const char *written, struct error *);    /* a listening socket; -1 with a sentence. One in the file system takes the place of one that nobody listens on. */
int hook_address_port(int fd);

#endif
