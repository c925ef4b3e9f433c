#include "control.h"

#include <signal.h>
#include <sys/types.h>

static void take_failure(struct session *session, const struct control_frame *frame)
{
    char text[CONTROL_MESSAGE + 1] = "";
    if (frame->c <= CONTROL_MESSAGE && read_full(session->frames.line, text, frame->c) == (ssize_t)frame->c) {
        session_fail(session, text);
        session->error->code = (enum olos_exit)frame->a;
    } else
        session_fail(session, "init has failed");
}

static void take_log(struct session *session, const struct control_frame *frame)
{
    if (session->options->manifest->policy.log_level == OLOS_LOG_ERROR || log_pass(session->frames.line, frame->c))
        session_fail(session, "init has sent a wrong line of its log");
}

static void take_exit(struct session *session, const struct control_frame *frame)
{
    if (frame->a && (frame->c == 0 || frame->c >= NSIG)) {
        session_fail(session, "init has sent a wrong exit status");
        return;
    }
    session->outcome = (struct outcome){
        .by_signal = frame->a == 1, .code = (int)(frame->c & 0xff), .victims = frame->b};
    session->output_expected = frame->d;
    session->phase = ENDING;
    session->input.open = false;
}

static void take_start(struct session *session)
{
    /* A kernel that never says it is ready would keep what it may do while it boots. */
    if (!session->confined || session->phase != BOOTING) {
        session_fail(session, "init has started the app out of turn");
        return;
    }
    session->phase = RUNNING;
    session->input.open = true;
    session->frames.window_size = session->options->terminal->used; /* it may have changed meanwhile */
    terminal_make_raw(session->options->terminal);
}

static void take_frame(struct session *session, const struct control_frame *frame)
{
    switch (frame->kind) {
    case CONTROL_HELLO:
    case CONTROL_DONE:
        break;
    case CONTROL_READY:
        session->confined = true;
        session->init_ready = true;
        session->frames.go = session->network_ready;
        break;
    case CONTROL_STARTED:
        take_start(session);
        break;
    case CONTROL_TAKEN:
        caller_input_taken(&session->input, frame);
        break;
    case CONTROL_CONSUMED:
        caller_input_settle(&session->input, frame->d);
        break;
    case CONTROL_LOG:
        take_log(session, frame);
        break;
    case CONTROL_FAILED:
        take_failure(session, frame);
        break;
    case CONTROL_EXIT:
        take_exit(session, frame);
        break;
    default:
        session_fail(session, "init has sent an unknown frame");
    }
}

void control_read(struct session *session)
{
    struct control_frame frame;
    int got = frames_receive(&session->frames, &frame);
    if (got > 0)
        take_frame(session, &frame);
    else if (got < 0)
        session_kernel_has_ended(session);
}
