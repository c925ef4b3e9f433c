#include "random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "util.h"

int fill_random(void *unused, unsigned char *buffer, size_t size)
{
    (void)unused;
    while (size) {
        ssize_t count = getrandom(buffer, size, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            die(OLOS_FAILED, "no random bytes: %s", strerror(errno));
        buffer += count;
        size -= (size_t)count;
    }
    return 0;
}
