/* A process that is the first of a process namespace: when it ends, so does all that it started, and what it
   starts can signal nobody else. Where the host allows that, it is also in an empty network, without the
   host's name, and without the host's System V objects. */
#pragma once

#include <sys/types.h>

/* The ways to try in turn, the last without any namespace. */
#define NAMESPACE_WAYS 5

/* As fork, in the given way. The child has the ids of the caller. */
pid_t namespaces_fork(int way);

/* Whether that way has a process namespace. */
int namespaces_apart(int way);
