/* The last segment of a TCP handshake (RFC 9293, section 3.5) for connections that come in.

   passt before October 2024 leaves it out and lets the client's first data stand for it. An app that speaks first would
   wait for ever. Where passt sends it, it comes twice, which does no harm. */
#pragma once

#include "frame_filter.h"

#define HANDSHAKE_ANSWER 54 /* bytes */

/* If the app's frame accepts a connection (SYN and ACK), make the frame that acknowledges it. Returns its size, or 0. */
size_t handshake_finish(const uint8_t *frame, size_t size, uint8_t answer[HANDSHAKE_ANSWER]);
