#include "session_state.h"

void session_fail(struct session *session, const char *text)
{
    session->failed = true;
    session->phase = ENDED;
    olos_fail(session->error, OLOS_FAILED, "%s", text);
}

void session_kernel_has_ended(struct session *session)
{
    if (session->phase == ENDED)
        return;
    log_drain(&session->log);
    if (session->phase < ENDING) {
        session_fail(session, session->phase == BOOTING
                                  ? "the kernel has ended before the app\n"
                                    "  hint: the option --olos-doctor checks what this host offers"
                                  : "the kernel has ended before the app");
        log_show_tail(&session->log);
    }
    session->phase = ENDED;
}
