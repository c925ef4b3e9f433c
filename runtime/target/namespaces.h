/* A process that is the first of a process namespace: when it ends, so does all that it started, and what it
   starts can signal nobody else. */
#pragma once

#include <sys/types.h>

/* The ways to try in turn, the last without any namespace. */
#define NAMESPACE_WAYS 3

/* As fork, in the given way. The child has the ids of the caller. */
pid_t namespaces_fork(int way);

/* Whether that way has a process namespace. */
int namespaces_apart(int way);

/* Leave the host's network for an empty one, and the host's name and System V objects. A wall behind others: it is
   not there for who has no namespaces of his own. */
void namespaces_leave(void);
