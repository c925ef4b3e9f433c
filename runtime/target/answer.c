#include "answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/measure.h"
#include "account.h"

static const char help[] =
    "A package of olos: an app with all that it runs on, under one measurement.\n"
    "\n"
    "  PACKAGE [ARGUMENT]...    run the app, with arguments if the policy allows any\n"
    "\n"
    "Options, before the first argument of the app:\n"
    "  --olos-measure           recompute the measurement from the bytes; print it\n"
    "  --olos-verify HEX        recompute it and compare; exit code 5 if it differs\n"
    "  --olos-expect HEX        run the app only if the measurement is this one\n"
    "  --olos-stop-timeout N    end the app N s after SIGTERM; default 10, or never\n"
    "  --olos-mount T=DIR       give the app the directory DIR of this machine at T\n"
    "  --olos-publish [ADDRESS:]HOSTPORT:PORT[/tcp|udp]\n"
    "                           listen on the host's port for a port of the app\n"
    "                           that the policy names; on 127.0.0.1 if no ADDRESS\n"
    "  --olos-host-loopback     the app may reach what listens on 127.0.0.1 of the\n"
    "                           host, as 10.0.2.2, if the policy lets it connect\n"
    "  --olos-manifest          print the manifest, canonical JSON\n"
    "  --olos-unpack DIR        write the parts into a new directory, a layout\n"
    "  --olos-sim-root          print the root certificate of the simulated TEE, PEM\n"
    "  --olos-doctor            check whether this host can run the app, and how well\n"
    "  --olos-trace[=LIST]      show the app's system calls, those of LIST only; this\n"
    "                           and the next two are for debug builds\n"
    "  --olos-trace-failed      show those that fail\n"
    "  --olos-gdb               say how to attach a debugger to the kernel\n"
    "  --olos-help              print this\n"
    "  --olos--                 end of options: what follows is the app's\n";

static int print(const void *data, size_t size, struct olos_error *error)
{
    ssize_t count = write_full(STDOUT_FILENO, data, size);
    if (count >= 0)
        return 0;
    return olos_fail(error, OLOS_FAILED, "standard output cannot be written: %s", strerror((int)-count));
}

int answer_measure(const struct olos_layout *layout, struct olos_error *error)
{
    uint8_t measurement[32];
    char text[66];
    if (measure_layout(layout, measurement, error))
        return -1;
    hex_sha256(measurement, text);
    text[64] = '\n';
    return print(text, 65, error);
}

int answer_verify(const struct olos_layout *layout, const char *expected, struct olos_error *error)
{
    uint8_t wanted[32], measurement[32];
    if (unhex_sha256(expected, wanted))
        return olos_fail(error, OLOS_USAGE, "--olos-verify: %.80s is not 64 lower-case hexadecimal digits",
                         expected);
    if (measure_layout(layout, measurement, error))
        return -1;
    if (memcmp(wanted, measurement, sizeof wanted) != 0)
        return olos_mismatch_sha256(error, wanted, measurement, "measurement");
    return account_package(layout, error);
}

int answer_manifest(const struct olos_layout *layout, struct olos_error *error)
{
    struct olos_loaded_manifest loaded;
    int result = layout_load_manifest(layout, &loaded, error);
    if (!result) {
        loaded.data[loaded.size] = '\n'; /* file_read keeps room for one byte more */
        result = print(loaded.data, loaded.size + 1, error);
    }
    layout_free_manifest(&loaded);
    return result;
}

int answer_help(struct olos_error *error)
{
    return print(help, sizeof help - 1, error);
}
