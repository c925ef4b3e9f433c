/* How the messages of host mounts travel between the guest's kernel and the mount server of the target
   (docs/mounts.md). Init carries them and does not look inside.

   A message of FUSE goes to the server over a serial line, behind the frame below. The server writes its
   answer into the slot that init has chosen, in a block device as for standard input, and names the slot in a
   notice on the way back. A slot is free again once its notice has been read, so no more than MOUNT_SLOTS
   notices ever wait: the line stands 4096 bytes. */
#pragma once

#include <stdint.h>

#define MOUNT_MAX 16    /* host mounts of one policy; they are numbered in its order */
#define MOUNT_SLOTS 16
#define MOUNT_DATA (256 * 1024) /* of one READ or WRITE */
#define MOUNT_MESSAGE (MOUNT_DATA + 4096)
#define MOUNT_SLOT_SIZE MOUNT_MESSAGE
#define MOUNT_NO_SLOT 0xff /* of messages without an answer */

/* To the server. */
struct mount_frame {
    uint32_t size; /* of the message behind it */
    uint8_t mount, slot;
    uint16_t zero;
};

_Static_assert(sizeof(struct mount_frame) == 8, "frames have one size");

/* Back: the slot in the upper 8 bits, the size of the answer in the others. With MOUNT_NO_SLOT it is a
   wish instead: that the kernel forgets the files that it only remembers. */
typedef uint32_t mount_notice;

#define MOUNT_NOTICE(slot, size) ((uint32_t)(slot) << 24 | (uint32_t)(size))
#define MOUNT_NOTICE_SLOT(notice) ((uint8_t)((notice) >> 24))
#define MOUNT_NOTICE_SIZE(notice) ((notice) & 0xffffff)
