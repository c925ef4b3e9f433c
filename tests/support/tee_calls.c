/* System calls of the TEE as an app makes them, well and badly. Prints a line for each: its name, and errno. */

#include <errno.h>
#include <olos/tee.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define ADDRESS(pointer) ((uint64_t)(uintptr_t)(pointer))
#define CALL(number, arguments) (syscall(number, &(arguments), sizeof(arguments)) ? errno : 0)
#define SAY(name, code) printf("%s %s\n", name, name_of(code))

static unsigned char certificate[OLOS_CERTIFICATE_ROOM], key[OLOS_KEY_ROOM], evidence[OLOS_EVIDENCE_ROOM];
static unsigned char data[OLOS_MAX_DATA + 1], roots[OLOS_MAX_DATA + 1], nonce[64];

static const char *name_of(int code) {
    static const struct { int code; const char *name; } names[] = {
        {0, "0"}, {EFAULT, "EFAULT"}, {EINVAL, "EINVAL"}, {E2BIG, "E2BIG"}, {ERANGE, "ERANGE"}, {EINTR, "EINTR"},
        {EBADMSG, "EBADMSG"}, {EKEYREJECTED, "EKEYREJECTED"}, {EKEYEXPIRED, "EKEYEXPIRED"}, {EPERM, "EPERM"},
        {ENOKEY, "ENOKEY"}, {EIO, "EIO"}, {ENOSYS, "ENOSYS"}, {ENOMEM, "ENOMEM"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    return "another";
}

static struct olos_generate generation(void) {
    return (struct olos_generate){.curve = 256, .certificate = ADDRESS(certificate),
        .certificate_size = sizeof certificate, .key = ADDRESS(key), .key_size = sizeof key};
}

static struct olos_report reporting(void) {
    return (struct olos_report){
        .report_data = ADDRESS(nonce), .evidence = ADDRESS(evidence), .evidence_size = sizeof evidence};
}

static int verification(uint32_t what, uint32_t flags, size_t size, size_t roots_size, struct olos_identity *identity) {
    struct olos_verify call = {.what = what, .flags = flags, .data = ADDRESS(data), .data_size = size,
        .roots = ADDRESS(roots), .roots_size = roots_size, .identity = ADDRESS(identity),
        .identity_size = sizeof *identity};
    return CALL(OLOS_SYS_VERIFY, call);
}

static size_t load(const char *path, unsigned char *to) {
    FILE *file = path ? fopen(path, "r") : stdin;
    return file ? fread(to, 1, OLOS_MAX_DATA + 1, file) : 0;
}

static int plain_report(void) {
    struct olos_report call = reporting();
    return CALL(OLOS_SYS_REPORT, call);
}

/* ---- one good call ---- */

static int good(char **args) {
    struct olos_generate call = generation();
    call.curve = (uint32_t)atoi(args[0]);
    call.flags = (uint32_t)atoi(args[1]);
    int code = CALL(OLOS_SYS_GENERATE, call);
    fprintf(stderr, "%s %u %u\n", name_of(code), (unsigned)call.certificate_size, (unsigned)call.key_size);
    fwrite(certificate, 1, call.certificate_size, stdout);
    fwrite(key, 1, call.key_size, stdout);
    return code;
}

static int report(void) {
    struct olos_report call = reporting();
    memset(nonce, 0x5a, sizeof nonce);
    int code = CALL(OLOS_SYS_REPORT, call);
    fwrite(evidence, 1, call.evidence_size, stdout);
    return code;
}

static int verify(char **args) {
    struct olos_identity identity;
    size_t size = load(NULL, data), roots_size = args[2] ? load(args[2], roots) : 0;
    memset(&identity, 0xee, sizeof identity);
    int code = verification((uint32_t)atoi(args[0]), (uint32_t)atoi(args[1]), size, roots_size, &identity);
    printf("%s\n", name_of(code));
    if (!code)
        for (size_t i = 0; i < sizeof identity; i++) printf("%02x", ((unsigned char *)&identity)[i]);
    return 0;
}

static int sealing_key(char **args) {
    unsigned char bytes[32];
    struct olos_key call = {(uint32_t)atoi(args[0]), (uint32_t)atoi(args[1]), ADDRESS(bytes)};
    int code = CALL(OLOS_SYS_KEY, call);
    printf("%s", name_of(code));
    for (int i = 0; !code && i < 32; i++) printf("%s%02x", i ? "" : " ", bytes[i]);
    puts("");
    return 0;
}

/* ---- bad arguments ---- */

static void bad_sizes(void) {
    struct { struct olos_generate call; char more[64]; } g = {generation(), ""};
    SAY("size-0", syscall(OLOS_SYS_GENERATE, &g, 0) ? errno : 0);
    SAY("size-less", syscall(OLOS_SYS_GENERATE, &g, sizeof g.call - 1) ? errno : 0);
    SAY("size-more", syscall(OLOS_SYS_GENERATE, &g, sizeof g) ? errno : 0);
    SAY("size-2^63", syscall(OLOS_SYS_GENERATE, &g, 1ULL << 63) ? errno : 0);
    for (int i = 0; i < 3; i++) {
        struct olos_generate call = generation();
        uint64_t sizes[] = {1ULL << 63, ~0ULL, 1ULL << 40};
        call.certificate_size = sizes[i];
        SAY("certificate-huge", CALL(OLOS_SYS_GENERATE, call));
        struct olos_verify verify = {.data = ADDRESS(data), .data_size = sizes[i], .identity = ADDRESS(certificate),
                                     .identity_size = sizeof(struct olos_identity)};
        SAY("data-huge", CALL(OLOS_SYS_VERIFY, verify));
        verify.data_size = 1;
        verify.identity_size = sizes[i];
        SAY("identity-huge", CALL(OLOS_SYS_VERIFY, verify));
        verify.identity_size = sizeof(struct olos_identity);
        verify.roots_size = sizes[i];
        SAY("roots-huge", CALL(OLOS_SYS_VERIFY, verify));
    }
    struct olos_generate small = generation();
    small.certificate_size = 10;
    memset(key, 0xaa, sizeof key);
    memset(certificate, 0xaa, sizeof certificate);
    SAY("certificate-small", CALL(OLOS_SYS_GENERATE, small));
    printf("enough %d %d\n", (int)small.certificate_size, (int)small.key_size);
    SAY("nothing-written", key[0] == 0xaa && certificate[0] == 0xaa ? 0 : EIO);
    struct olos_report report = reporting();
    report.evidence_size = 100;
    SAY("evidence-small", CALL(OLOS_SYS_REPORT, report));
    printf("enough %d\n", (int)report.evidence_size);
}

static void bad_pointers(void) {
    unsigned char *two = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *fixed = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *closed = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(two + PAGE, PAGE);
    struct { const char *name; uint64_t at; } places[] = {
        {"null", 0}, {"top", ~0ULL - 8}, {"non-canonical", 1ULL << 60}, {"kernel", 0xffffffff81000000ULL},
        {"read-only", ADDRESS(fixed)}, {"no-access", ADDRESS(closed)}, {"partly", ADDRESS(two + PAGE - 8)}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct olos_generate generate = generation();
        struct olos_report report = reporting();
        struct olos_key key_call = {1, 0, places[i].at};
        printf("%s", places[i].name);
        printf(" %s", name_of(syscall(OLOS_SYS_REPORT, places[i].at, sizeof report) ? errno : 0));
        generate.key = places[i].at;
        printf(" %s", name_of(CALL(OLOS_SYS_GENERATE, generate)));
        report.report_data = places[i].at;
        printf(" %s", name_of(CALL(OLOS_SYS_REPORT, report)));
        printf(" %s\n", name_of(CALL(OLOS_SYS_KEY, key_call)));
    }
    SAY("untouched", fixed[0] == 0 && two[PAGE - 1] == 0 ? 0 : EIO);
}

static void bad_values(void) {
    struct olos_generate g = generation();
    struct olos_report r = reporting();
    struct olos_key k = {3, 0, ADDRESS(key)};
    struct olos_identity identity;
    g.curve = 521;
    SAY("curve", CALL(OLOS_SYS_GENERATE, g));
    g = generation();
    g.flags = 2;
    SAY("flags", CALL(OLOS_SYS_GENERATE, g));
    g = generation();
    g.key = g.certificate + 100;
    SAY("overlap", CALL(OLOS_SYS_GENERATE, g));
    g = generation();
    g.certificate = ADDRESS(&g);
    SAY("overlap-arguments", CALL(OLOS_SYS_GENERATE, g));
    r.reserved = 1;
    SAY("reserved", CALL(OLOS_SYS_REPORT, r));
    SAY("key-policy", CALL(OLOS_SYS_KEY, k));
    k = (struct olos_key){1, 1, ADDRESS(key)};
    SAY("key-svn", CALL(OLOS_SYS_KEY, k));
    SAY("what", verification(2, 0, 10, 0, &identity));
    SAY("verify-flags", verification(0, 4, 10, 0, &identity));
    SAY("empty", verification(0, 3, 0, 0, &identity));
    SAY("roots-no-certificates", verification(0, 3, 10, 10, &identity));
    SAY("number-before", syscall(OLOS_SYS_GENERATE - 1, &g, sizeof g) ? errno : 0);
    SAY("number-behind", syscall(OLOS_SYS_KEY + 1, &g, sizeof g) ? errno : 0);
}

/* ---- callers of all kinds ---- */

static void *report_in_thread(void *unused) {
    (void)unused;
    struct olos_report call = {ADDRESS(nonce), ADDRESS(malloc(8192)), 8192, 0};
    return (void *)(uintptr_t)CALL(OLOS_SYS_REPORT, call);
}

static int wait_for(pid_t child) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void all_kinds(char *self) {
    pid_t child = fork();
    if (child == 0) _exit(plain_report());
    SAY("child", wait_for(child));
    if ((child = vfork()) == 0) _exit(plain_report());
    SAY("vfork", wait_for(child));
    if ((child = fork()) == 0) {
        if (fork() == 0) _exit(0);
        execl(self, self, "exec", NULL);
    }
    SAY("exec", wait_for(child));
    if ((child = fork()) == 0) _exit(chroot("/tmp") || chdir("/") ? 255 : plain_report());
    SAY("chroot", wait_for(child));
    if ((child = fork()) == 0) _exit(setgid(7) || setuid(7) ? 255 : plain_report());
    SAY("user", wait_for(child));
    pthread_t threads[8];
    int worst = 0;
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, report_in_thread, NULL);
    for (int i = 0; i < 8; i++) {
        void *code;
        pthread_join(threads[i], &code);
        worst |= (int)(uintptr_t)code;
    }
    SAY("threads", worst);
}

static void hundred(void) {
    pid_t children[100];
    int worst = 0;
    for (int i = 0; i < 100; i++)
        if ((children[i] = fork()) == 0) _exit(plain_report());
    for (int i = 0; i < 100; i++) worst |= wait_for(children[i]);
    SAY("hundred", worst);
}

/* Killed at some moment of a call, a later one each time. */
static void killed(void) {
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0)
            for (;;) {
                struct olos_generate call = generation();
                CALL(OLOS_SYS_GENERATE, call);
            }
        usleep((useconds_t)(i * 331 % 12000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    SAY("after-kills", plain_report());
}

static void *generate_for_ever(void *unused) {
    for (;;) {
        struct olos_generate call = generation();
        CALL(OLOS_SYS_GENERATE, call);
    }
    return unused;
}

static void *execute(void *self) {
    usleep(3000);
    execl(self, self, "hundredth", NULL);
    return NULL;
}

/* One thread is in a call, another becomes another program, which keeps the number of the process. */
static void executed_meanwhile(char *self) {
    int worst = 0;
    for (int i = 0; i < 15; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t other;
            pthread_create(&other, NULL, execute, self);
            generate_for_ever(NULL);
        }
        worst |= wait_for(child);
    }
    SAY("exec-meanwhile", worst);
}

static volatile int alarms;

static void on_alarm(int number) {
    (void)number;
    alarms++;
}

static void interrupted(int flags, const char *name) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    int done = 0, others = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 30; i++) {
        struct olos_report call = reporting();
        int code = CALL(OLOS_SYS_REPORT, call);
        done += code == 0;
        others += code != 0 && !(code == EINTR && !(flags & SA_RESTART));
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%s done %d others %d\n", name, done > 0, others);
}

static void garbage(void) {
    struct olos_identity identity;
    int worst = 0;
    unsigned state = 1;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < OLOS_MAX_DATA; i++) data[i] = (unsigned char)((state = state * 1103515245u + 12345u) >> 16);
        data[0] = 0x30, data[1] = 0x82;
        if (round % 2) memcpy(data, "-----BEGIN CERTIFICATE-----", 27);
        if (verification(0, 3, OLOS_MAX_DATA, 0, &identity) != EBADMSG) worst = EIO;
    }
    SAY("garbage", worst);
    SAY("after-garbage", plain_report());
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "report";
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    if (strcmp(what, "generate") == 0) return good(argv + 2);
    if (strcmp(what, "report") == 0) return report();
    if (strcmp(what, "verify") == 0) return verify(argv + 2);
    if (strcmp(what, "key") == 0) return sealing_key(argv + 2);
    if (strcmp(what, "exec") == 0) return plain_report();
    if (strcmp(what, "hundredth") == 0) {
        for (int i = 0; i < (int)sizeof certificate; i++)
            if (certificate[i]) return EIO;
        return 0;
    }
    if (strcmp(what, "one") == 0) SAY("one", plain_report());
    if (strcmp(what, "sizes") == 0) bad_sizes();
    if (strcmp(what, "pointers") == 0) bad_pointers();
    if (strcmp(what, "values") == 0) bad_values();
    if (strcmp(what, "kinds") == 0) all_kinds(argv[0]);
    if (strcmp(what, "hundred") == 0) hundred();
    if (strcmp(what, "killed") == 0) killed();
    if (strcmp(what, "executed") == 0) executed_meanwhile(argv[0]);
    if (strcmp(what, "garbage") == 0) garbage();
    if (strcmp(what, "signals") == 0) {
        interrupted(SA_RESTART, "restarting");
        interrupted(0, "interrupting");
    }
    return 0;
}
