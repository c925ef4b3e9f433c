/* Which TEE am I in? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char text[1024] = "";
    const char *target = getenv("OLOS_TARGET");
    FILE *file = fopen("/run/olos/tee.json", "r");
    if (!target || !file || !fgets(text, sizeof text, file)) {
        puts("C: no TEE");
        return 1;
    }
    fclose(file);
    /* Canonical JSON: no blanks, keys in order. */
    printf("C: target %s, %s\n", target, strstr(text, "\"hardware\":true") ? "hardware" : "simulated");
    return 0;
}
