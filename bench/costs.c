/* What one kind of work costs: prints the seconds of it. Static, so that it is the same program everywhere. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1ul << 20)

static char buffer[MIB];

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void system_calls(const char *path)
{
    (void)path;
    for (int i = 0; i < 20000; i++)
        syscall(SYS_getppid);
}

static void processes(const char *path)
{
    (void)path;
    for (int i = 0; i < 100; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "costs", "nothing", (char *)0);
            _exit(1);
        }
        if (waitpid(child, &status, 0) != child || status)
            fail("fork");
    }
}

static void fresh_memory(const char *path)
{
    (void)path;
    char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    for (size_t at = 0; at < 64 * MIB; at += 4096)
        memory[at] = 1;
}

static void read_file(const char *path)
{
    int file = open(path, O_RDONLY);
    ssize_t count;
    while ((count = read(file, buffer, sizeof buffer)) > 0)
        ;
    if (file < 0 || count < 0)
        fail(path);
    close(file);
}

static void send_all(int peer)
{
    for (int i = 0; i < 256; i++)
        for (size_t sent = 0; sent < sizeof buffer;) {
            ssize_t count = write(peer, buffer + sent, sizeof buffer - sent);
            if (count < 0)
                fail("write");
            sent += (size_t)count;
        }
}

/* 256 MiB over TCP between two processes. */
static void loopback(const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    size_t total = 0;
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    (void)path;
    if (bind(server, (struct sockaddr *)&address, length) || listen(server, 1) ||
        getsockname(server, (struct sockaddr *)&address, &length))
        fail("listen");
    if (fork() == 0) {
        send_all(accept(server, NULL, NULL));
        _exit(0);
    }
    if (connect(client, (struct sockaddr *)&address, length))
        fail("connect");
    for (ssize_t count; (count = read(client, buffer, sizeof buffer)) > 0;)
        total += (size_t)count;
    if (total != 256 * MIB || wait(NULL) < 0)
        fail("read");
}

/* A client that comes to a port of all addresses. */
static int client_of(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 1))
        fail("listen");
    puts("ready");
    fflush(stdout);
    return accept(server, NULL, NULL);
}

/* 256 MiB to a client. */
static void give(const char *port)
{
    send_all(client_of(port));
    pause();
}

/* 256 MiB from a client. */
static void take(const char *port)
{
    int client = client_of(port);
    for (size_t total = 0; total < 256 * MIB;) {
        ssize_t count = read(client, buffer, sizeof buffer);
        if (count <= 0)
            fail("read");
        total += (size_t)count;
    }
    if (write(client, ".", 1) != 1)
        fail("write");
    pause();
}

/* Stands still so that others may look at it. */
static void wait_for_ever(const char *path)
{
    (void)path;
    puts("ready");
    fflush(stdout);
    pause();
}

static const struct {
    const char *name;
    void (*run)(const char *path);
} works[] = {
    {"syscall", system_calls}, {"process", processes}, {"memory", fresh_memory},
    {"file", read_file},       {"network", loopback},  {"wait", wait_for_ever},
    {"give", give},            {"take", take},
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
    int again = argc > 3; /* the second time counts */
    if (strcmp(name, "nothing") == 0)
        return 0;
    for (size_t i = 0; i < sizeof works / sizeof *works; i++)
        if (strcmp(name, works[i].name) == 0) {
            if (again)
                works[i].run(path);
            double begin = now();
            works[i].run(path);
            printf("%.6f\n", now() - begin);
            return 0;
        }
    return 2;
}
