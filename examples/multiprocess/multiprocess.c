/* posix_spawn, fork, threads, a pipe and a socket: each says what it saw. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int counter;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int status_of(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) != child)
        fail("waitpid");
    return status;
}

static void spawn_self(char *program)
{
    char *arguments[] = {program, "spawned", NULL};
    pid_t child;
    if (posix_spawn(&child, program, NULL, NULL, arguments, environ) != 0)
        fail("posix_spawn");
    printf("spawn: the child exited with %d\n", WEXITSTATUS(status_of(child)));
}

static void fork_one(void)
{
    int private_value = 1;
    int *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail("mmap");
    *shared = 1;
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        private_value = *shared = 2;
        printf("fork: the child sees private %d, shared %d\n", private_value, *shared);
        fflush(stdout);
        raise(SIGKILL);
    }
    int status = status_of(child);
    printf("fork: the parent sees private %d, shared %d; the child ended by signal %d\n", private_value, *shared,
           WTERMSIG(status));
}

static void *count(void *argument)
{
    for (int i = 0; i < 10000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return argument;
}

static void run_threads(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, count, NULL) != 0)
            fail("pthread_create");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("threads: 4 counted to %d\n", counter);
}

static void talk(void)
{
    int ends[2];
    char buffer[64] = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        fail("socketpair");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        ssize_t got = read(ends[1], buffer, sizeof buffer);
        for (ssize_t i = 0; i < got; i++)
            buffer[i] = (char)(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
        _exit(write(ends[1], buffer, (size_t)got) == got ? 0 : 1);
    }
    if (write(ends[0], "over a socket", 13) != 13 || read(ends[0], buffer, sizeof buffer - 1) != 13)
        fail("socket");
    printf("socket: %s, exit %d\n", buffer, WEXITSTATUS(status_of(child)));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "spawned") == 0) {
        printf("spawn: the child sees %d arguments, COLOUR=%s\n", argc, getenv("COLOUR"));
        return 7;
    }
    spawn_self(argv[0]);
    fork_one();
    run_threads();
    talk();
    return 0;
}
