/* Runs a program below a system call filter that allows all, and that could ask: no other filter can then. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct {
        uint16_t code;
        uint8_t if_so, if_not;
        uint32_t value;
    } allow = {0x06, 0, 0, 0x7fff0000};
    struct {
        uint16_t count;
        void *code;
    } program = {1, &allow};
    if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return 1;
    int questions = (int)syscall(SYS_seccomp, 1, 8, &program);
    if (questions < 0 || fcntl(questions, F_SETFD, 0))
        return 1;
    execvp(argv[1], argv + 1);
    return 1;
}
