"""A store in which one step of SQLite fails, while the gateway runs: a library that comes before SQLite's, and a cell that a test writes."""
import mmap
import os
import struct
import subprocess

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SQLITE_ERROR = 1 };
struct sqlite3_stmt;
static int (*step)(struct sqlite3_stmt *);
static int (*exec)(void *, const char *, void *, void *, void *);
static volatile int *cell;              /* the step that fails, 0: none; and how many there were since */
static __thread int inside;             /* what sqlite3_exec() does is one step */

__attribute__((constructor)) static void
begin(void)
{
	int fd = open(getenv("FAILING_STORE"), O_RDWR | O_CLOEXEC);

	*(void **)&step = dlsym(RTLD_NEXT, "sqlite3_step");
	*(void **)&exec = dlsym(RTLD_NEXT, "sqlite3_exec");
	cell = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int
fails(void)
{
	return !inside && cell != MAP_FAILED && cell[0] && __sync_add_and_fetch(&cell[1], 1) == cell[0];
}

int
sqlite3_step(struct sqlite3_stmt *statement)
{
	return fails() ? SQLITE_ERROR : step(statement);
}

int
sqlite3_exec(void *db, const char *sql, void *each, void *with, void *why)
{
	if (fails())
		return SQLITE_ERROR;
	inside = 1;
	int code = exec(db, sql, each, with, why);
	inside = 0;
	return code;
}
"""


class FailingStore:
    """The environment of the program whose store it is."""

    def __init__(self, folder):
        source, library, path = (os.path.join(folder, name) for name in ("failing-store.c", "failing-store.so", "failing-store"))
        with open(source, "w") as f:
            f.write(SOURCE)
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True, stdin=subprocess.DEVNULL)
        with open(path, "wb") as f:
            f.write(bytes(8))
        with open(path, "r+b") as f:
            self.cell = mmap.mmap(f.fileno(), 8)
        self.env = {**os.environ, "LD_PRELOAD": library, "FAILING_STORE": path}

    def fail(self, step):
        """The so many-th step from now on fails; 0: none."""
        self.cell[:] = struct.pack("ii", step, 0)

    def failed(self):
        step, count = struct.unpack("ii", self.cell[:])
        return step and count >= step
